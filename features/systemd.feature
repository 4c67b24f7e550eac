@requires-debian
Feature: systemd in the levels
  On Debian, LXD is a systemd service: systemd listens on LXD's socket and starts LXD for
  the first client, in a cgroup inside a slice. Levels with systemd are started by their
  LXD like others, and their contents are as in Debian.

  Background:
    Given an LXD host whose root allocation is "root:500000:196608"

  Scenario Outline: The LXD of level 1 is a systemd service in <bundle>
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

  # Newer profiles allow unprivileged containers all mounts (LXD: e1b97783c9, also in 5.21.5; Incus: 36e76aaecb, also in 6.0.3).
  @on-apparmor @before-lxd-6.7 @before-incus-6.0.3
  Rule: Without security.nesting, AppArmor prevents systemd from setting up credentials
    Since version 256, systemd mounts a read-only directory for the credentials of a service.
    The profile of a level without security.nesting forbids that (canonical/lxd issue 17073).

    Scenario: The journal of Debian 13 does not start at a level without security.nesting
      Given the levels run the bundles
        | level | bundle                     |
        | 1     | debian:trixie,with-systemd |
      When a chain of depth 1 is built in which every level delegates what the levels below it need
      Then all 1 levels are up
      And systemd of level 1 cannot set up the credentials of "systemd-journald.service"

  # Newer profiles allow unprivileged containers all mounts (LXD: e1b97783c9, also in 5.21.5; Incus: 36e76aaecb, also in 6.0.3).
  @on-apparmor @since-lxd-6.7 @since-incus-6.0.3
  Rule: With newer AppArmor profiles, systemd sets up credentials without security.nesting

    Scenario: The journal of Debian 13 starts at a level without security.nesting
      Given the levels run the bundles
        | level | bundle                     |
        | 1     | debian:trixie,with-systemd |
      When a chain of depth 1 is built in which every level delegates what the levels below it need
      Then all 1 levels are up
      And systemd of level 1 has started all its units

  # With cgroup v1, systemd expects the controllers in other places than this machine's kernel has them.
  @on-cgroup2
  Rule: On pure cgroup v2, levels with systemd can contain levels with systemd

    Scenario Outline: A chain of three levels with systemd in <bundle>
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
