Feature: The life of a chain
  A chain is containers that run in containers. Whatever happens to one of them, or
  to a LXD, has an end that the levels inside must survive, or come back from.

  Background:
    Given an LXD host whose root allocation is "root:500000:196608"
    And a chain of depth 3 in which every level delegates what the levels below it need

  Rule: A LXD that ends leaves its containers running, and finds them when it starts again

    Scenario Outline: The LXD of <where> is restarted under the running chain
      When the LXD of <where> is restarted
      Then all 3 levels are up
      And every level has kept running
      And every level has the planned ids

      Examples:
        | where   |
        | level 1 |
        | level 2 |

      @requires-private-host
      Examples: The host's
        | where    |
        | the host |

  Rule: What ran in a level runs again when the level does
    LXD asks the init of level 1 to end, and nobody else. That init asks every process
    of its namespace, the LXDs and the levels inside at the same time, so no LXD
    inside stops what it runs: each leaves its containers to their end, and finds them
    noted as running when it starts again. A level that is ended by force takes
    everything inside with it unasked, which makes no difference to what comes back.

    Scenario Outline: Level 1 is <ended>, and the program at level 3 <was> asked to end
      Given a program at level 3 records whether it receives SIGTERM
      When level 1 is <ended>
      Then all 3 levels come up again
      And every level has a new init process
      And the program at level 3 <result> SIGTERM

      Examples:
        | ended                     | result          |
        | stopped and started again | received        |
        | killed and started again  | did not receive |
        | restarted                 | received        |
        | restarted by force        | did not receive |

    Scenario: The LXD of level 1 is shut down, and starts what it has stopped
      Given a program at level 3 records whether it receives SIGTERM
      When the LXD of level 1 is shut down
      Then all 3 levels come up again
      And level 1 has kept running
      And level 2 has a new init process
      And level 3 has a new init process
      And the program at level 3 received SIGTERM

    @requires-root
    Scenario: Level 1 comes up under another name, with all that is inside
      When level 1 is stopped, renamed and started again
      Then all 3 levels come up again
      And the LXD of the host has no record and no files of level 1

  Rule: boot.autostart overrules what ran

    Scenario: Level 2 with boot.autostart true comes up again although it did not run
      Given the configuration of level 2 is
        | key            | value |
        | boot.autostart | true  |
      And a chain of depth 2 in which every level delegates what the levels below it need
      And level 2 has been stopped
      When level 1 is restarted by force
      Then all 2 levels come up again

    Scenario: Level 2 with boot.autostart false stays down although it ran
      Given the configuration of level 2 is
        | key            | value |
        | boot.autostart | false |
      And a chain of depth 2 in which every level delegates what the levels below it need
      When level 1 is restarted by force
      Then level 2 stays down

    Scenario: Level 2 without boot.autostart stays down when it did not run
      Given a chain of depth 2 in which every level delegates what the levels below it need
      And level 2 has been killed
      When level 1 is restarted by force
      Then level 2 stays down

  Rule: A level that ends takes with it what is inside, and nothing else

    @requires-root
    Scenario Outline: Level 2 is <ended>
      When level 2 is <ended>
      Then nothing of level 2 is left on the host
      And nothing of level 3 is left on the host
      And level 1 has kept running
      And level 2 stays down

      Examples:
        | ended   |
        | stopped |
        | killed  |

    @requires-root
    Scenario: Level 1 is deleted by force, with all that is inside
      When level 1 is killed and deleted
      Then nothing of level 1 is left on the host
      And nothing of level 2 is left on the host
      And nothing of level 3 is left on the host
      And the LXD of the host has no record and no files of level 1

  Rule: LXD leaves a level that runs alone

    Scenario Outline: The LXD of <where> is asked to <what> level <level>, which runs
      Given a chain of depth 2 in which every level delegates what the levels below it need
      When the LXD of <where> is asked to <what> level <level>
      Then LXD refuses with "<words>"
      And all 2 levels are up
      And every level has kept running

      Examples:
        | where    | what   | level | words                                                |
        | the host | rename | 1     | Renaming of running (container\|instance) not allowed |
        | the host | delete | 1     | [Ii]nstance is (currently )?running                  |
        | level 1  | delete | 2     | [Ii]nstance is (currently )?running                  |

  Rule: LXD asks a level to end once, and waits as long as it is told to

    Scenario: An init that does not hear that it shall end goes on with all that is inside
      Given the configuration of level 1 is
        | key     | value                     |
        | raw.lxc | lxc.signal.halt = SIGCONT |
      And a chain of depth 2 in which every level delegates what the levels below it need
      When the LXD of the host is asked to stop level 1
      Then LXD refuses with "Failed shutting down instance, status is .?Running"
      And all 2 levels are up
      And every level has kept running

    @requires-private-host
    Scenario: A level that needs longer than LXD waits ends all the same
      busybox's init takes two seconds. LXD has told of a failure by then, and its
      operation is over; what it asked for happens.

      When the LXD of the host is asked to stop level 1
      Then LXD refuses with "Failed shutting down instance, status is .?Running"
      And nothing of level 1 is left on the host
      And nothing of level 3 is left on the host

  Rule: A level that is frozen stands still with all that is inside, and only that

    @requires-private-host
    Scenario Outline: Level <level> is frozen
      Given a clock ticks on the host and at every level
      When level <level> is frozen
      Then the clocks from level <level> down have stopped and those above keep ticking

      Examples:
        | level |
        | 1     |
        | 2     |

    @requires-private-host
    Scenario: Level 1 is frozen and thawed
      Given a clock ticks on the host and at every level
      When level 1 is frozen and thawed
      Then the clocks of all 3 levels keep ticking
      And all 3 levels are up
      And every level has kept running

    @known-bug
    Scenario: A frozen level can be asked to end
      Given a program at level 3 records whether it receives SIGTERM
      And level 1 has been frozen
      When level 1 is stopped and started again
      Then all 3 levels come up again
      And the program at level 3 received SIGTERM

    @requires-debian @requires-private-host
    Scenario: The LXD of Debian 12 thaws a frozen level to end it
      Given the levels run the bundles
        | level | bundle          |
        | 0     | debian:bookworm |
      And a program at level 3 records whether it receives SIGTERM
      And level 1 has been frozen
      When level 1 is stopped and started again
      Then all 3 levels come up again
      And the program at level 3 received SIGTERM

    @requires-debian @requires-private-host
    Scenario Outline: That of <bundle> asks a frozen level to end, and leaves it frozen
      It asks itself whether the level is frozen when it has noted that it stops it, and what
      is being stopped counts as running (lxd/instance/drivers/driver_lxc.go, statusCode).

      Given the levels run the bundles
        | level | bundle   |
        | 0     | <bundle> |
      And a clock ticks on the host and at every level
      And level 1 has been frozen
      When the LXD of the host is asked to stop level 1
      Then LXD refuses with "Failed shutting down instance, status is .?Running"
      And the clocks from level 1 down have stopped and those above keep ticking

      Examples:
        | bundle              |
        | debian:trixie       |
        | debian:trixie/incus |

    @requires-root
    Scenario: A frozen level cannot be restarted, as LXD does not take it for one that runs
      Given a chain of depth 1 in which every level delegates what the levels below it need
      And level 1 has been frozen
      When the LXD of the host is asked to restart level 1
      Then LXD refuses with "restart: .*not running"

  Rule: A snapshot of a level holds the files of all levels inside

    Scenario Outline: Level <level> goes back to its snapshot
      Given user 1000 of level 3 has made the file "early"
      And level <level> has been snapshotted
      And user 1000 of level 3 has made the file "late"
      When level <level> is restored
      Then all 3 levels come up again
      And level 3 has the file "early" of user 1000
      And level 3 does not have the file "late"
      And the sentinel of the image arrives at every level with its owner and ACL
      And files made at every level belong to the host ids of that level

      Examples:
        | level |
        | 1     |
        | 2     |

  Rule: A copy has what its source has, and ids of its own only if it is isolated

    Scenario: A copy of level 1 runs beside it, with other levels of the same ids inside
      Given user 1000 of level 3 has made the file "early"
      When level 1 is copied and the copy is started
      Then all 3 levels of the copy come up
      And every level of the copy has the planned ids
      And the copy has the file "early" of user 1000 of level 3
      And a file made at level 3 of the copy does not appear at level 3
      And all 3 levels are up
      And every level has kept running

    @requires-private-host
    Scenario: The copy of an isolated level has the next free ids, and its files as well
      Given an LXD host whose root allocation is "root:500000:196609"
      And the configuration of level 1 is
        | key                     | value |
        | security.idmap.isolated | true  |
      And a chain of depth 1 as described
      And user 1000 of level 1 has made the file "early"
      When level 1 is copied and the copy is started
      Then all 1 levels of the copy come up
      And root at level 1 is id 565536 on the host
      And root at level 1 of the copy is id 631072 on the host
      And every level of the copy has the planned ids
      And the copy has the file "early" of user 1000 of level 1
