Feature: Siblings and their ids
  Siblings are containers at the same level, made by the same LXD. Unless told
  otherwise it gives each of them all the ids that it has, the same to all. Those
  with security.idmap.isolated get ids that no other isolated sibling has: LXD
  looks for them when it creates the container, behind its own first block of
  65536 ids, and then never again until one of the keys is changed.
  (LXD: lxd/instance/drivers/driver_lxc.go, findIdmap.)

  @requires-private-host
  Rule: Isolated siblings have no host id in common

    Scenario: Two isolated siblings at level 1
      Given an LXD host whose root allocation is "root:500000:196609"
      And a chain of depth 1 as described
      When these siblings are made at level 1
        | sibling | isolated | size | base |
        | A       | yes      |      |      |
        | B       | yes      |      |      |
      Then the uid and gid maps of the siblings at level 1 are
        | sibling | inside | parent | host   | count |
        | A       | 0      | 565536 | 565536 | 65536 |
        | B       | 0      | 631072 | 631072 | 65536 |
      And siblings A and B at level 1 share no host ids

    Scenario: Two isolated siblings at level 2
      Given an LXD host whose root allocation is "root:500000:262145"
      And the root allocation of level 1 is "root:65536:196609"
      And a chain of depth 2 as described
      When these siblings are made at level 2
        | sibling | isolated | size | base |
        | A       | yes      |      |      |
        | B       | yes      |      |      |
      Then the uid and gid maps of the siblings at level 2 are
        | sibling | inside | parent | host   | count |
        | A       | 0      | 131072 | 631072 | 65536 |
        | B       | 0      | 196608 | 696608 | 65536 |
      And siblings A and B at level 2 share no host ids

    Scenario: Three siblings of different sizes, and one with a base of its own
      Given an LXD host whose root allocation is "root:500000:500000"
      And a chain of depth 1 as described
      When these siblings are made at level 1
        | sibling | isolated | size   | base   |
        | A       | yes      | 100000 |        |
        | B       | yes      | 70000  | 900000 |
        | C       | yes      | 65536  |        |
      Then the uid and gid maps of the siblings at level 1 are
        | sibling | inside | parent | host   | count  |
        | A       | 0      | 565536 | 565536 | 100000 |
        | B       | 0      | 900000 | 900000 | 70000  |
        | C       | 0      | 665536 | 665536 | 65536  |
      And siblings A and C at level 1 share no host ids
      And siblings B and C at level 1 share no host ids

  Rule: Siblings that are not isolated share all ids, also with isolated ones

    Scenario Outline: Siblings at level <level> have the same ids as the chain's level beside them
      Given an LXD host whose root allocation is "root:500000:196608"
      And a chain of depth <level> in which every level delegates what the levels below it need
      When these siblings are made at level <level>
        | sibling | isolated | size | base |
        | A       | no       |      |      |
        | B       | no       |      |      |
      Then siblings A and B at level <level> share all host ids
      And siblings B and A at level <level> share all host ids
      And sibling A and level <level> share all host ids

      Examples:
        | level |
        | 2     |

      @requires-private-host
      Examples: Beside level 1
        | level |
        | 1     |

    @requires-private-host
    Scenario: An isolated sibling shares its ids with those that are not isolated
      Given an LXD host whose root allocation is "root:500000:196608"
      And a chain of depth 1 as described
      When these siblings are made at level 1
        | sibling | isolated | size | base |
        | A       | yes      |      |      |
        | B       | no       |      |      |
      Then the uid and gid maps of the siblings at level 1 are
        | sibling | inside | parent | host   | count  |
        | A       | 0      | 565536 | 565536 | 65536  |
        | B       | 0      | 500000 | 500000 | 196608 |
      And siblings A and B at level 1 share all host ids

    @requires-private-host
    Scenario: Without isolation, a size is for nothing
      Given an LXD host whose root allocation is "root:500000:196608"
      And a chain of depth 1 as described
      When these siblings are made at level 1
        | sibling | isolated | size  | base   |
        | A       | no       | 70000 | 600000 |
      Then the uid and gid maps of the siblings at level 1 are
        | sibling | inside | parent | host   | count  |
        | A       | 0      | 500000 | 500000 | 196608 |

  Rule: The last of the isolated siblings wants an id more than it takes

    @requires-private-host
    Scenario: With 196608 ids on the host, a second isolated sibling is refused
      Given an LXD host whose root allocation is "root:500000:196608"
      And a chain of depth 1 as described
      When these siblings are made at level 1
        | sibling | isolated | size | base |
        | A       | yes      |      |      |
        | B       | yes      |      |      |
      Then sibling B at level 1 fails in operation "create" for the reason "isolated range exhausted"
      And the uid and gid maps of the siblings at level 1 are
        | sibling | inside | parent | host   | count |
        | A       | 0      | 565536 | 565536 | 65536 |

    Scenario Outline: With <count> ids at level 1, isolated sibling <sibling> at level 2 is refused
      Given an LXD host whose root allocation is "root:500000:262144"
      And the root allocation of level 1 is "root:65536:<count>"
      And a chain of depth 2 as described
      When these siblings are made at level 2
        | sibling | isolated | size | base |
        | A       | yes      |      |      |
        | B       | yes      |      |      |
      Then sibling <sibling> at level 2 fails in operation "create" for the reason "isolated range exhausted"

      Examples:
        | count  | sibling |
        | 131072 | A       |
        | 131073 | B       |
        | 196608 | B       |

  @requires-private-host
  Rule: What a deleted sibling had is free again, but a gap must be one id larger than what is put there

    Background:
      Given an LXD host whose root allocation is "root:500000:500000"
      And a chain of depth 1 as described

    Scenario: The ids of the first sibling go to the next one
      Given these siblings at level 1
        | sibling | isolated | size | base |
        | A       | yes      |      |      |
        | B       | yes      |      |      |
      When sibling A at level 1 is deleted and these siblings are made
        | sibling | isolated | size | base |
        | C       | yes      |      |      |
      Then the uid and gid maps of the siblings at level 1 are
        | sibling | inside | parent | host   | count |
        | B       | 0      | 631072 | 631072 | 65536 |
        | C       | 0      | 565536 | 565536 | 65536 |

    Scenario: The ids of a sibling in the middle do not go to one of the same size
      Given these siblings at level 1
        | sibling | isolated | size | base |
        | A       | yes      |      |      |
        | B       | yes      |      |      |
        | C       | yes      |      |      |
      When sibling B at level 1 is deleted and these siblings are made
        | sibling | isolated | size | base |
        | D       | yes      |      |      |
      Then the uid and gid maps of the siblings at level 1 are
        | sibling | inside | parent | host   | count |
        | A       | 0      | 565536 | 565536 | 65536 |
        | C       | 0      | 696608 | 696608 | 65536 |
        | D       | 0      | 762144 | 762144 | 65536 |

    Scenario: They do go to one that is an id smaller
      Given these siblings at level 1
        | sibling | isolated | size  | base |
        | A       | yes      |       |      |
        | B       | yes      | 65537 |      |
        | C       | yes      |       |      |
      When sibling B at level 1 is deleted and these siblings are made
        | sibling | isolated | size | base |
        | D       | yes      |      |      |
      Then the uid and gid maps of the siblings at level 1 are
        | sibling | inside | parent | host   | count |
        | A       | 0      | 565536 | 565536 | 65536 |
        | C       | 0      | 696609 | 696609 | 65536 |
        | D       | 0      | 631072 | 631072 | 65536 |

  @requires-private-host
  Rule: A sibling keeps its ids whether it runs or not

    Scenario Outline: An isolated sibling at level <level> is started again with the ids that it had
      Given an LXD host whose root allocation is "root:500000:327681"
      And the root allocation of level 1 is "root:65536:262145"
      And a chain of depth 2 as described
      And these siblings at level <level>
        | sibling | isolated | size | base |
        | A       | yes      |      |      |
        | B       | yes      |      |      |
      When sibling A at level <level> is stopped and started
      Then the uid and gid maps of the siblings at level <level> are
        | sibling | inside | parent | host | count |
        | A       | 0      | <a>    | <ah> | 65536 |
        | B       | 0      | <b>    | <bh> | 65536 |

      Examples:
        | level | a      | ah     | b      | bh     |
        | 1     | 565536 | 565536 | 631072 | 631072 |
        | 2     | 131072 | 631072 | 196608 | 696608 |

    Scenario: The ids of a stopped sibling are not free
      Given an LXD host whose root allocation is "root:500000:300000"
      And a chain of depth 1 as described
      And these siblings at level 1
        | sibling | isolated | size | base |
        | A       | yes      |      |      |
      When sibling A at level 1 is stopped and these siblings are made
        | sibling | isolated | size | base |
        | B       | yes      |      |      |
      Then the uid and gid maps of the siblings at level 1 are
        | sibling | inside | parent | host   | count |
        | B       | 0      | 631072 | 631072 | 65536 |

  @requires-private-host
  Rule: LXD looks at a base neither for siblings nor for its own ids

    Scenario: A base in the middle of an isolated sibling makes the two share ids
      Given an LXD host whose root allocation is "root:500000:300000"
      And a chain of depth 1 as described
      When these siblings are made at level 1
        | sibling | isolated | size | base   |
        | A       | yes      |      |        |
        | B       | yes      |      | 600000 |
      Then the uid and gid maps of the siblings at level 1 are
        | sibling | inside | parent | host   | count |
        | A       | 0      | 565536 | 565536 | 65536 |
        | B       | 0      | 600000 | 600000 | 65536 |
      And siblings A and B at level 1 share 31072 host ids

    Scenario: A base in the first block makes an isolated sibling share the ids of the LXD's first block
      Given an LXD host whose root allocation is "root:500000:131072"
      And a chain of depth 1 as described
      When these siblings are made at level 1
        | sibling | isolated | size | base   |
        | A       | yes      |      | 500000 |
      Then sibling A and level 1 share 65536 host ids

    Scenario: Nobody but newuidmap minds a base outside of the allocation
      Given an LXD host whose root allocation is "root:500000:131072"
      And a chain of depth 1 as described
      When these siblings are made at level 1
        | sibling | isolated | size | base   |
        | A       | yes      |      | 800000 |
      Then sibling A at level 1 fails in operation "start" for the reason "refused by newuidmap"

    Scenario: Without newuidmap the host gives ids that nobody allocated
      Given an LXD host whose root allocation is "root:500000:131072"
      And newuidmap is installed neither on the host nor at any level
      And a chain of depth 1 as described
      When these siblings are made at level 1
        | sibling | isolated | size | base   |
        | A       | yes      |      | 800000 |
      Then the uid and gid maps of the siblings at level 1 are
        | sibling | inside | parent | host   | count |
        | A       | 0      | 800000 | 800000 | 65536 |
      And sibling A and level 1 share no host ids

    Scenario: Level 1 has no ids but its own to give, whatever the base says
      Given an LXD host whose root allocation is "root:500000:131072"
      And the root allocation of level 1 is "root:65536:65536"
      And newuidmap is installed neither on the host nor at any level
      And a chain of depth 2 as described
      When these siblings are made at level 2
        | sibling | isolated | size | base   |
        | A       | yes      |      | 131072 |
      Then sibling A at level 2 fails in operation "start" for the reason "allocation outside the parent"

  @requires-private-host
  Rule: A new size means new ids from the next start on
    LXD writes them down at once, and from then on takes the old ones for free,
    though the container runs on with them.

    Background:
      Given an LXD host whose root allocation is "root:500000:500000"
      And a chain of depth 1 as described

    Scenario: A sibling that grows moves behind the others
      Given these siblings at level 1
        | sibling | isolated | size | base |
        | A       | yes      |      |      |
        | B       | yes      |      |      |
      When sibling A at level 1 is resized to 100000, then stopped and started
      Then the uid and gid maps of the siblings at level 1 are
        | sibling | inside | parent | host   | count  |
        | A       | 0      | 696608 | 696608 | 100000 |
        | B       | 0      | 631072 | 631072 | 65536  |

    Scenario: Until it is restarted, a sibling that grows shares its ids with the next one made
      Given these siblings at level 1
        | sibling | isolated | size | base |
        | A       | yes      |      |      |
        | B       | yes      |      |      |
      When sibling A at level 1 is resized to 100000 and these siblings are made
        | sibling | isolated | size | base |
        | C       | yes      |      |      |
      Then siblings A and C at level 1 share all host ids

    Scenario: A size that is not there is refused, and the sibling runs on
      Given these siblings at level 1
        | sibling | isolated | size | base |
        | A       | yes      |      |      |
      When sibling A at level 1 is resized to 434464
      Then sibling A at level 1 fails in operation "configure" for the reason "isolated range exhausted"
      And the uid and gid maps of the siblings at level 1 are
        | sibling | inside | parent | host   | count |
        | A       | 0      | 565536 | 565536 | 65536 |
