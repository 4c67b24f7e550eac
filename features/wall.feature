Feature: The walls around a level
  Root at level 3 only has privileges in its own user namespace. The kernel protects level
  2, the host and the machine from it. A level cannot even see most of them. So root of
  level 3 is also put among the processes and files of another place, where only its user
  namespace is different. A control shows that nothing else is the reason of a refusal:
  root of that place is not refused the same operation.

  Background:
    Given an LXD host whose root allocation is "root:500000:196608"
    And a chain of depth 3 in which every level delegates what the levels below it need

  Rule: Root at level 3 cannot use resources of the whole machine

    # AppArmor checks a mount before the kernel checks capabilities, so the error depends on it.
    @requires-private-host
    Scenario: Root at level 3 cannot mount the filesystem of a device
      When root of level 3 tries to mount the filesystem of a device
      Then the kernel refuses it with "Operation not permitted or Permission denied"
      And root of the host is not refused the same operation

    @requires-private-host
    Scenario Outline: Root at level 3 cannot <operation>
      When root of level 3 tries to <operation>
      Then the kernel refuses it with "<error>"
      And root of the host is not refused the same operation

      Examples:
        | operation                              | error                   |
        | make a character device                | Operation not permitted |
        | make a block device                    | Operation not permitted |
        | enable swap on a file                  | Operation not permitted |
        | raise its priority                     | Permission denied       |
        | write the setting kernel.panic         | Permission denied       |
        | write the setting kernel.core_pattern  | Permission denied       |
        | write the setting vm.overcommit_memory | Permission denied       |
        | write the setting fs.file-max          | Permission denied       |

    # Without a control: these would affect the machine, or even root of the host may be refused.
    @requires-root
    Scenario Outline: Root at level 3, in its level or on the host, cannot <operation>
      When <who> tries to <operation>
      Then the kernel refuses it with "<error>"

      Examples:
        | who             | operation                                   | error                   |
        | root of level 3 | set the clock                               | Operation not permitted |
        | root of level 3 | clear the kernel log                        | Operation not permitted |
        | root of level 3 | raise a hard limit                          | Operation not permitted |
        | root of level 3 | exempt itself from the out-of-memory killer | Permission denied       |

      @requires-private-host
      Examples: On the host
        | who                                                             | operation            | error                   |
        | root of level 3, put among the processes and files of the host, | set the clock        | Operation not permitted |
        | root of level 3, put among the processes and files of the host, | clear the kernel log | Operation not permitted |
        | root of level 3, put among the processes and files of the host, | reboot               | Operation not permitted |

    @requires-private-host
    Scenario Outline: Root at level 3 on the host, where devices and settings are visible, cannot <operation>
      When root of level 3, put among the processes and files of the host, tries to <operation>
      Then the kernel refuses it with "<error>"
      And root of the host is not refused the same operation

      Examples:
        | operation                      | error                   |
        | make a block device            | Operation not permitted |
        | mount a tmpfs                  | Operation not permitted |
        | enable swap on a file          | Operation not permitted |
        | write the setting kernel.panic | Permission denied       |

  Rule: Root of a level can change the level's own resources without effect on others

    Scenario: Root at level 3 can mount a tmpfs
      When root of level 3 tries to mount a tmpfs
      Then it succeeds

    @requires-private-host
    Scenario: Root at level 3 can set up its network
      When root of level 3 tries to set the TTL of its packets to 63
      Then it succeeds
      And the setting "net.ipv4.ip_default_ttl" is "63" at level 3
      And the setting "net.ipv4.ip_default_ttl" is "64" at level 2
      And the setting "net.ipv4.ip_default_ttl" is "64" at the host

  Rule: Root at level 3 has no access to processes of a level above

    @requires-root
    Scenario Outline: Root at level 3 among the processes of <place> cannot <operation>
      When root of level 3, put among the processes and files of <place>, tries to <operation>
      Then the kernel refuses it with "<error>"
      And root of <place> is not refused the same operation

      Examples:
        | place   | operation                           | error                   |
        | level 2 | signal the init                     | Operation not permitted |
        | level 2 | open the memory of the init         | Permission denied       |
        | level 2 | read the environment of the init    | Permission denied       |
        | level 2 | read the memory map of the init     | Permission denied       |
        | level 2 | list the root directory of the init | Permission denied       |
        | level 2 | list the open files of the init     | Permission denied       |
        | level 1 | signal the init                     | Operation not permitted |
        | level 1 | open the memory of the init         | Permission denied       |

      @requires-private-host
      Examples: Of the host
        | place    | operation                        | error                   |
        | the host | signal the init                  | Operation not permitted |
        | the host | open the memory of the init      | Permission denied       |
        | the host | read the environment of the init | Permission denied       |

    @requires-root
    Scenario Outline: Among the processes of level 2, root at level 3 can still <operation>
      When root of level 3, put among the processes and files of level 2, tries to <operation>
      Then it succeeds

      Examples:
        | operation                            |
        | signal its own init                  |
        | read the environment of its own init |

  Rule: Root at level 3 has no access to files of a level above

    @requires-root
    Scenario Outline: Root at level 3 among the files of <place> cannot <operation>
      When root of level 3, put among the processes and files of <place>, tries to <operation>
      Then the kernel refuses it with "<error>"
      And root of <place> is not refused the same operation

      Examples:
        | place   | operation                          | error                   |
        | level 2 | read a file                        | Permission denied       |
        | level 2 | write to a file                    | Permission denied       |
        | level 2 | take ownership of a file           | Operation not permitted |
        | level 2 | make a file writable for everybody | Operation not permitted |
        | level 2 | remove a file                      | Permission denied       |
        | level 2 | make a file in the root directory  | Permission denied       |

      @requires-private-host
      Examples: Of the host
        | place    | operation                         | error                   |
        | the host | read a file                       | Permission denied       |
        | the host | take ownership of a file          | Operation not permitted |
        | the host | make a file in the root directory | Permission denied       |

  Rule: An inherited descriptor of a namespace does not let root at level 3 enter it

    @requires-root
    Scenario Outline: Root at level 3 cannot enter the <kind> namespace of level 2
      When root of level 3, put among the processes and files of level 2, tries to enter the <kind> namespace through an inherited descriptor
      Then the kernel refuses it with "Operation not permitted"
      And root of level 2 is not refused the same operation

      Examples:
        | kind    |
        | mount   |
        | network |
        | pid     |
        | uts     |
        | ipc     |

  Rule: A user namespace made at level 3 only has ids of level 3

    @requires-root
    Scenario: Root at level 3 can map all ids of level 3
      When root of level 3 maps 65536 of its ids into a new user namespace
      Then it succeeds

    @requires-root
    Scenario: Root at level 3 cannot map one id more
      When root of level 3 maps 65537 of its ids into a new user namespace
      Then the kernel refuses it with "Operation not permitted"

  @requires-private-host
  Rule: Setuid bits and file capabilities of a level grant nothing at the levels above
    The kernel only honors a setuid bit if the filesystem is mounted in the caller's mount
    namespace (fs/namespace.c, mnt_may_suid). The program then runs with the owner's id as
    the caller's level numbers it. A file capability contains the root id for which it is
    valid.

    Scenario Outline: A setuid program of root at level 3, run at <where>, runs as user <id>
      When user 1000 of <where> runs a setuid program of root of level 3
      Then the program runs as user <id>
      And the program has <capabilities> capability

      Examples:
        | where   | id     | capabilities |
        | level 3 | 0      | every        |
        | level 2 | 65536  | no           |
        | level 1 | 131072 | no           |

    Scenario: On the host a setuid program of root at level 3 runs as an unprivileged id
      When user 1000 of the host runs a setuid program of root of level 3
      Then the program runs as the owner of its file, which is not root
      And the program has no capability

    Scenario Outline: Run from the mounts of level 3, a setuid program runs at <where> as its caller
      When user 1000 of <where> runs a setuid program of root of level 3 from the mounts of that level
      Then the program runs as user 1000
      And the program has no capability

      Examples:
        | where    |
        | level 2  |
        | the host |

    Scenario Outline: A program with a file capability of level 3, run at <where>, has <capabilities> capability
      When user 1000 of <where> runs a program with a file capability of root of level 3
      Then the program runs as user 1000
      And the program has <capabilities> capability

      Examples:
        | where    | capabilities |
        | level 3  | one          |
        | level 2  | no           |
        | level 1  | no           |
        | the host | no           |

  Rule: Root at level 3 cannot leave its cgroups

    Scenario: Root at level 3 cannot lift its own limits
      When root of level 3 tries to lift the limit on its own memory
      Then the kernel refuses it with "Permission denied"

    @requires-private-host
    Scenario Outline: Root at level 3 on the host cannot <operation>
      When root of level 3, put among the processes and files of the host, tries to <operation>
      Then the kernel refuses it with "Permission denied"
      And root of the host is not refused the same operation

      Examples:
        | operation                               |
        | lift the limit on the memory of level 1 |
        | move to the cgroup of the host          |
