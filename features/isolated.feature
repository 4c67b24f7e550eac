Feature: Siblings and their ids
  Siblings are containers at the same level, made by the same LXD. By default LXD gives
  all of them the same ids: all that it has. A sibling with security.idmap.isolated gets
  ids that no other isolated sibling has. LXD chooses them after its own first block of
  65536 ids when it creates the container, and again only if one of the keys is changed.
  (LXD: lxd/instance/drivers/driver_lxc.go, findIdmap.)

  @requires-private-host
  Rule: Isolated siblings share no host ids

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

    # Incus refuses a base for isolated containers (lxc/incus#4048).
    @before-incus-7.0.2
    Scenario: Three siblings of different sizes, one of them with its own base
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

  Rule: Siblings that are not isolated share all ids, even with isolated ones

    Scenario Outline: Siblings at level <level> have the same ids as the chain's own level
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

    # Incus heeds the size without isolation since 6.0.3 and 6.7 (Incus: driver_lxc.go, findIdmap).
    @lxd @requires-private-host
    Scenario: Without isolation, size and base have no effect
      Given an LXD host whose root allocation is "root:500000:196608"
      And a chain of depth 1 as described
      When these siblings are made at level 1
        | sibling | isolated | size  | base   |
        | A       | no       | 70000 | 600000 |
      Then the uid and gid maps of the siblings at level 1 are
        | sibling | inside | parent | host   | count  |
        | A       | 0      | 500000 | 500000 | 196608 |

    # Incus heeds the size without isolation since 6.0.3 and 6.7 (Incus: driver_lxc.go, findIdmap).
    @incus @requires-private-host
    Scenario: With Incus the size has an effect without isolation
      Given an LXD host whose root allocation is "root:500000:196608"
      And a chain of depth 1 as described
      When these siblings are made at level 1
        | sibling | isolated | size  | base |
        | A       | no       | 70000 |      |
      Then the uid and gid maps of the siblings at level 1 are
        | sibling | inside | parent | host   | count |
        | A       | 0      | 500000 | 500000 | 70000 |

    # Incus puts a container without isolation at its base (lxc/incus#4048).
    @incus @before-incus-7.0.2 @requires-private-host
    Scenario: With Incus 6 the base has no effect without isolation
      Given an LXD host whose root allocation is "root:500000:196608"
      And a chain of depth 1 as described
      When these siblings are made at level 1
        | sibling | isolated | size  | base   |
        | A       | no       | 70000 | 600000 |
      Then the uid and gid maps of the siblings at level 1 are
        | sibling | inside | parent | host   | count |
        | A       | 0      | 500000 | 500000 | 70000 |

  # Incus needs no spare id since 6.0.3 and 6.7 (Incus: driver_lxc.go, findIdmap).
  @lxd
  Rule: The last isolated sibling needs one free id more than it uses

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

  # Incus needs no spare id since 6.0.3 and 6.7 (Incus: driver_lxc.go, findIdmap).
  @incus
  Rule: With Incus the last isolated sibling needs no more ids than it uses

    @requires-private-host
    Scenario: With 196608 ids on the host, Incus makes two isolated siblings
      Given an LXD host whose root allocation is "root:500000:196608"
      And a chain of depth 1 as described
      When these siblings are made at level 1
        | sibling | isolated | size | base |
        | A       | yes      |      |      |
        | B       | yes      |      |      |
      Then the uid and gid maps of the siblings at level 1 are
        | sibling | inside | parent | host   | count |
        | A       | 0      | 565536 | 565536 | 65536 |
        | B       | 0      | 631072 | 631072 | 65536 |

    Scenario Outline: With <count> ids at level 1, Incus refuses isolated sibling <sibling> at level 2
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
        | 131071 | A       |
        | 131072 | B       |
        | 196607 | B       |

  @requires-private-host
  Rule: The ids of a deleted sibling are free again, but a gap must be one id larger than the new sibling

    Background:
      Given an LXD host whose root allocation is "root:500000:500000"
      And a chain of depth 1 as described

    Scenario: The next sibling gets the ids of the deleted first sibling
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

    # Incus uses a gap of exactly the wanted size (lxc/incus#3998).
    @before-incus-7.0.2
    Scenario: A sibling of the same size does not get the ids of a deleted sibling in the middle
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

    Scenario: A sibling that is one id smaller gets the ids of a deleted sibling in the middle
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
  Rule: A stopped sibling keeps its ids

    Scenario Outline: An isolated sibling at level <level> has the same ids after a restart
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

  # Incus refuses a base for isolated containers (lxc/incus#4048).
  @requires-private-host @before-incus-7.0.2
  Rule: LXD does not check a base against other siblings or its own ids

    Scenario: A base in the middle of an isolated sibling makes both share ids
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

    Scenario: A base in LXD's first block gives an isolated sibling the ids of that block
      Given an LXD host whose root allocation is "root:500000:131072"
      And a chain of depth 1 as described
      When these siblings are made at level 1
        | sibling | isolated | size | base   |
        | A       | yes      |      | 500000 |
      Then sibling A and level 1 share 65536 host ids

    Scenario: newuidmap refuses a base outside the allocation
      Given an LXD host whose root allocation is "root:500000:131072"
      And a chain of depth 1 as described
      When these siblings are made at level 1
        | sibling | isolated | size | base   |
        | A       | yes      |      | 800000 |
      Then sibling A at level 1 fails in operation "start" for the reason "refused by newuidmap"

    Scenario: Without newuidmap the host gives a sibling unallocated ids
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

    # Without newuidmap, Incus ignores both files (Incus: shared/idmap/set_load.go, NewSetFromSystem).
    @lxd
    Scenario: A base beyond the ids of level 1 is refused
      Given an LXD host whose root allocation is "root:500000:131072"
      And the root allocation of level 1 is "root:65536:65536"
      And newuidmap is installed neither on the host nor at any level
      And a chain of depth 2 as described
      When these siblings are made at level 2
        | sibling | isolated | size | base   |
        | A       | yes      |      | 131072 |
      Then sibling A at level 2 fails in operation "start" for the reason "allocation outside the parent"

  # Before, a base was for isolated containers only (lxc/incus#4048, #3998).
  @incus @since-incus-7.0.2 @requires-private-host
  Rule: Since Incus 7.0.2 a base is for siblings that are not isolated

    Background:
      Given an LXD host whose root allocation is "root:500000:500000"
      And a chain of depth 1 as described

    Scenario: A sibling with a base has 65536 ids there, or its size
      When these siblings are made at level 1
        | sibling | isolated | size  | base   |
        | A       | no       |       | 600000 |
        | B       | no       | 70000 | 800000 |
      Then the uid and gid maps of the siblings at level 1 are
        | sibling | inside | parent | host   | count |
        | A       | 0      | 600000 | 600000 | 65536 |
        | B       | 0      | 800000 | 800000 | 70000 |

    Scenario: Siblings with the same base share their ids
      When these siblings are made at level 1
        | sibling | isolated | size | base   |
        | A       | no       |      | 600000 |
        | B       | no       |      | 600000 |
      Then siblings A and B at level 1 share all host ids

    Scenario: An isolated sibling gets no ids of a sibling with a base
      When these siblings are made at level 1
        | sibling | isolated | size  | base   |
        | A       | no       | 70000 | 570000 |
        | B       | yes      |       |        |
      Then the uid and gid maps of the siblings at level 1 are
        | sibling | inside | parent | host   | count |
        | A       | 0      | 570000 | 570000 | 70000 |
        | B       | 0      | 640000 | 640000 | 65536 |
      And siblings A and B at level 1 share no host ids

    Scenario: An isolated sibling with a base is refused
      When these siblings are made at level 1
        | sibling | isolated | size | base   |
        | A       | yes      |      | 600000 |
      Then sibling A at level 1 fails in operation "create" for the reason "configuration refused"

    Scenario: A sibling of the same size gets the ids of a deleted sibling in the middle
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
        | D       | 0      | 631072 | 631072 | 65536 |

  @requires-private-host
  Rule: A new size means new ids at the next start
    LXD records the new ids at once, and from then on treats the old ones as free, although
    the running container still uses them.

    Background:
      Given an LXD host whose root allocation is "root:500000:500000"
      And a chain of depth 1 as described

    Scenario: A sibling that grows moves after the others
      Given these siblings at level 1
        | sibling | isolated | size | base |
        | A       | yes      |      |      |
        | B       | yes      |      |      |
      When sibling A at level 1 is resized to 100000, then stopped and started
      Then the uid and gid maps of the siblings at level 1 are
        | sibling | inside | parent | host   | count  |
        | A       | 0      | 696608 | 696608 | 100000 |
        | B       | 0      | 631072 | 631072 | 65536  |

    Scenario: Until it is restarted, a sibling that grows shares its ids with the next new sibling
      Given these siblings at level 1
        | sibling | isolated | size | base |
        | A       | yes      |      |      |
        | B       | yes      |      |      |
      When sibling A at level 1 is resized to 100000 and these siblings are made
        | sibling | isolated | size | base |
        | C       | yes      |      |      |
      Then siblings A and C at level 1 share all host ids

    Scenario Outline: A size that does not fit is refused by <daemon>, and the sibling keeps running
      Given these siblings at level 1
        | sibling | isolated | size | base |
        | A       | yes      |      |      |
      When sibling A at level 1 is resized to <size>
      Then sibling A at level 1 fails in operation "configure" for the reason "isolated range exhausted"
      And the uid and gid maps of the siblings at level 1 are
        | sibling | inside | parent | host   | count |
        | A       | 0      | 565536 | 565536 | 65536 |

      # Incus needs no spare id since 6.0.3 and 6.7 (Incus: driver_lxc.go, findIdmap).
      @lxd
      Examples:
        | daemon | size   |
        | LXD    | 434464 |

      # Incus needs no spare id since 6.0.3 and 6.7 (Incus: driver_lxc.go, findIdmap).
      @incus
      Examples:
        | daemon | size   |
        | Incus  | 434465 |
