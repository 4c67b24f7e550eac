@requires-debian
Feature: systemd in the levels
  On a Debian the LXD of a container is a service there: systemd listens at its socket,
  and starts it for the first who asks, in a cgroup that is a slice's. Levels with
  systemd are started like others, by their LXD; what is in them is as Debian has it.

  Background:
    Given an LXD host whose root allocation is "root:500000:196608"

  Scenario Outline: The LXD of level 1 is a service of <bundle>'s systemd
    Given the levels run the bundles
      | level | bundle   |
      | 1     | <bundle> |
    And the configuration of level 1 is
      | key              | value |
      | security.nesting | true  |
    When a chain of depth 1 is built in which every level delegates what the levels below it need
    Then all 1 levels are up
    And systemd of level 1 has started all its units
    And the LXD inside level 1 is the main process of "lxd.service" there
    And systemd of level 1 has skipped "lxcfs.service" because of an unmet condition
    And every level has the planned ids
    And files made at every level belong to the host ids of that level

    Examples:
      | bundle                       |
      | debian:bookworm,with-systemd |
      | debian:trixie,with-systemd   |

  @on-apparmor
  Rule: Without the flag for nesting AppArmor keeps services from their credentials
    Since 256 systemd mounts a directory for the credentials of a service, read-only, which the
    profile of a level without the flag does not let it (canonical/lxd issue 17073).

    Scenario: The journal of Debian 13 does not start at a level that is not to nest
      Given the levels run the bundles
        | level | bundle                     |
        | 1     | debian:trixie,with-systemd |
      When a chain of depth 1 is built in which every level delegates what the levels below it need
      Then all 1 levels are up
      And systemd of level 1 cannot set up the credentials of "systemd-journald.service"

  # Beside cgroup v1 systemd has the controllers where it expects them, which is not where this machine's kernel has them.
  @on-cgroup2
  Rule: On pure cgroup v2 levels with systemd have others with systemd inside

    Scenario Outline: A chain of three levels with <bundle>'s systemd
      Given the levels run the bundles
        | level | bundle   |
        | 1     | <bundle> |
        | 2     | <bundle> |
        | 3     | <bundle> |
      When a chain of depth 3 is built in which every level delegates what the levels below it need
      Then all 3 levels are up
      And systemd of level 1 has started all its units
      And systemd of level 3 has started all its units
      And the LXD inside level 2 is the main process of "lxd.service" there
      And every level has the planned ids
      And processes at every level run under the host ids of that level
      And files made at every level belong to the host ids of that level

      Examples:
        | bundle                       |
        | debian:bookworm,with-systemd |
        | debian:trixie,with-systemd   |
