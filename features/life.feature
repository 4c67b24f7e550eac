Feature: The life of a chain
  If something happens to a level or to its LXD, the levels inside must keep running or
  come up again.

  Background:
    Given an LXD host whose root allocation is "root:500000:196608"
    And a chain of depth 3 in which every level delegates what the levels below it need

  Rule: An LXD that ends leaves its containers running, and finds them when it starts again

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
      Examples: The LXD of the host
        | where    |
        | the host |

  Rule: Levels that ran inside a level run again when that level starts again
    LXD only asks the init of level 1 to shut down. That init signals all processes in its
    pid namespace at the same time, including the LXDs and the levels inside. So no LXD
    inside stops its containers, and each finds them recorded as running when it starts
    again. If a level is killed, everything inside is killed with it. The same levels come
    up again in both cases.

    Scenario Outline: Level 1 is <ended>, and a program at level 3 <result> SIGTERM
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

    Scenario: The LXD of level 1 is shut down, and starts its containers again
      Given a program at level 3 records whether it receives SIGTERM
      When the LXD of level 1 is shut down
      Then all 3 levels come up again
      And level 1 has kept running
      And level 2 has a new init process
      And level 3 has a new init process
      And the program at level 3 received SIGTERM

    @requires-root
    Scenario: Level 1 comes up under another name with everything inside
      When level 1 is stopped, renamed and started again
      Then all 3 levels come up again
      And the LXD of the host has no record and no files of level 1

  Rule: boot.autostart decides whether a level is started, even if it did not run before

    Scenario: Level 2 with boot.autostart=true comes up although it did not run
      Given the configuration of level 2 is
        | key            | value |
        | boot.autostart | true  |
      And a chain of depth 2 in which every level delegates what the levels below it need
      And level 2 has been stopped
      When level 1 is restarted by force
      Then all 2 levels come up again

    Scenario: Level 2 with boot.autostart=false stays down although it ran
      Given the configuration of level 2 is
        | key            | value |
        | boot.autostart | false |
      And a chain of depth 2 in which every level delegates what the levels below it need
      When level 1 is restarted by force
      Then level 2 stays down

    Scenario: Level 2 without boot.autostart stays down if it did not run
      Given a chain of depth 2 in which every level delegates what the levels below it need
      And level 2 has been killed
      When level 1 is restarted by force
      Then level 2 stays down

  Rule: If a level ends, everything inside ends, and nothing else

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
    Scenario: Level 1 is killed and deleted with everything inside
      When level 1 is killed and deleted
      Then nothing of level 1 is left on the host
      And nothing of level 2 is left on the host
      And nothing of level 3 is left on the host
      And the LXD of the host has no record and no files of level 1

  Rule: LXD does not rename or delete a running level

    Scenario Outline: The LXD of <where> refuses to <what> the running level <level>
      Given a chain of depth 2 in which every level delegates what the levels below it need
      When the LXD of <where> is asked to <what> level <level>
      Then LXD reports the error "<words>"
      And all 2 levels are up
      And every level has kept running

      Examples:
        | where    | what   | level | words                                                 |
        | the host | rename | 1     | Renaming of running (container\|instance) not allowed |
        | the host | delete | 1     | [Ii]nstance is (currently )?running                   |
        | level 1  | delete | 2     | [Ii]nstance is (currently )?running                   |

  Rule: LXD asks a level to shut down once, and waits for the requested time

    Scenario: If the init ignores the signal, the level keeps running with everything inside
      Given the configuration of level 1 is
        | key     | value                     |
        | raw.lxc | lxc.signal.halt = SIGCONT |
      And a chain of depth 2 in which every level delegates what the levels below it need
      When the LXD of the host is asked to stop level 1
      Then LXD reports the error "Failed shutting down instance, status is .?Running"
      And all 2 levels are up
      And every level has kept running

    @requires-private-host
    Scenario: A level that needs longer than LXD waits still shuts down
      busybox's init takes two seconds. By then LXD has reported a failure and its operation
      has ended, but the level still shuts down.

      When the LXD of the host is asked to stop level 1
      Then LXD reports the error "Failed shutting down instance, status is .?Running"
      And nothing of level 1 is left on the host
      And nothing of level 3 is left on the host

  Rule: Freezing a level also freezes everything inside, and nothing else

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
    Scenario: A frozen level can be stopped
      Given a program at level 3 records whether it receives SIGTERM
      And level 1 has been frozen
      When level 1 is stopped and started again
      Then all 3 levels come up again
      And the program at level 3 received SIGTERM

    @requires-debian @requires-private-host
    Scenario: The LXD of Debian 12 thaws a frozen level to stop it
      Given the levels run the bundles
        | level | bundle          |
        | 0     | debian:bookworm |
      And a program at level 3 records whether it receives SIGTERM
      And level 1 has been frozen
      When level 1 is stopped and started again
      Then all 3 levels come up again
      And the program at level 3 received SIGTERM

    @requires-debian @requires-private-host
    Scenario Outline: <bundle> asks a frozen level to shut down, but leaves it frozen
      It only checks whether the level is frozen after it has recorded the stop, and a level
      that is being stopped counts as running (lxd/instance/drivers/driver_lxc.go, statusCode).

      Given the levels run the bundles
        | level | bundle   |
        | 0     | <bundle> |
      And a clock ticks on the host and at every level
      And level 1 has been frozen
      When the LXD of the host is asked to stop level 1
      Then LXD reports the error "Failed shutting down instance, status is .?Running"
      And the clocks from level 1 down have stopped and those above keep ticking

      Examples:
        | bundle              |
        | debian:trixie       |
        | debian:trixie/incus |

    @requires-root
    Scenario: A frozen level cannot be restarted because LXD does not treat it as running
      Given a chain of depth 1 in which every level delegates what the levels below it need
      And level 1 has been frozen
      When the LXD of the host is asked to restart level 1
      Then LXD reports the error "restart: .*not running"

  Rule: A snapshot of a level contains the files of all levels inside

    Scenario Outline: Level <level> is restored from its snapshot
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

  Rule: A copy has everything that its source has, but its own ids only if it is isolated

    Scenario: A copy of level 1 runs beside it, with levels of the same ids inside
      Given user 1000 of level 3 has made the file "early"
      When level 1 is copied and the copy is started
      Then all 3 levels of the copy come up
      And every level of the copy has the planned ids
      And the copy has the file "early" of user 1000 of level 3
      And a file made at level 3 of the copy does not appear at level 3
      And all 3 levels are up
      And every level has kept running

    @requires-private-host
    Scenario: The copy of an isolated level and its files have the next free ids
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

  # Incus keeps liblxc's configuration of a container in /run/incus (Incus: 6686c96dd3).
  @lxd
  Rule: Old versions of LXD need their log directory of a container to run programs in it
    The directory contains liblxc's configuration of the container. If a new version has another
    /var/log, for example in an image or a snap, it finds the containers running but cannot run
    programs in them until they are restarted.

    # LXD writes a missing configuration again since 5.0.4, 5.21.2 and 6.1 (LXD: 0245196848).
    @before-lxd-5.0.4 @requires-private-host
    Scenario: LXD cannot run programs after its log directories were lost
      When the LXD of the host loses the log directories of its containers
      Then LXD cannot run a program in level 1: "Failed to retrieve PID of executing child process"

    # LXD writes a missing configuration again since 5.0.4, 5.21.2 and 6.1 (LXD: 0245196848).
    @since-lxd-5.0.4 @requires-private-host
    Scenario: LXD runs programs after its log directories were lost
      When the LXD of the host loses the log directories of its containers
      Then LXD can run a program in level 1

    @requires-private-host
    Scenario: A restarted level comes up again after its log directories were lost
      Given the LXD of the host has lost the log directories of its containers
      When level 1 is restarted
      Then all 3 levels come up again
      And every level has the planned ids
