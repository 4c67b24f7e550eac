Feature: AppArmor around levels
  On Debian and Ubuntu, LXD confines each container by an AppArmor profile. The host's
  LXD also creates a profile namespace for level 1, in which the LXD of level 1 makes its
  own profiles (LXD: lxd/sys/apparmor.go). There is no namespace inside that one. So LXD
  makes no profiles from level 2 on, and its containers stay in the profile of level 2.

  Background:
    Given an LXD host whose root allocation is "root:500000:262144"

  @on-apparmor
  Rule: The profiles of the levels above also confine a level

    @core @requires-root
    Scenario: Level 1 has a profile namespace, and level 2 has a profile in it
      Given a chain of depth 4 in which every level delegates what the levels below it need
      Then all 4 levels are up
      And every level has the planned ids
      And the AppArmor profiles of the init processes are
        | level | namespace | profile    |
        | 1     |           | c1         |
        | 1     | c1        | unconfined |
        | 2     |           | c1         |
        | 2     | c1        | c2         |
        | 3     |           | c1         |
        | 3     | c1        | c2         |
        | 4     |           | c1         |
        | 4     | c1        | c2         |

  @on-apparmor
  Rule: From level 2 on, AppArmor must be disabled for LXD and for liblxc

    # Incus reads INCUS_SECURITY_APPARMOR (Incus: internal/server/sys/apparmor.go).
    @lxd
    Scenario: The LXD of level 2 fails to make a profile for its unpacker
      Given the configuration of level 2 is
        | key                               | value |
        | environment.LXD_SECURITY_APPARMOR | true  |
      When a chain of depth 3 is built in which every level delegates what the levels below it need
      Then the build stops at level 3 in operation "create" for the reason "AppArmor profile refused"
      And the levels above it are still up

    # Incus reads INCUS_SECURITY_APPARMOR (Incus: internal/server/sys/apparmor.go).
    @incus
    Scenario: The Incus of level 2 fails to make a profile for its unpacker
      Given the configuration of level 2 is
        | key                                 | value |
        | environment.INCUS_SECURITY_APPARMOR | true  |
      When a chain of depth 3 is built in which every level delegates what the levels below it need
      Then the build stops at level 3 in operation "create" for the reason "AppArmor profile refused"
      And the levels above it are still up

    Scenario: The liblxc of level 2 fails to change the profile of a container
      Given the configuration of level 3 is
        | key     | value                     |
        | raw.lxc | lxc.signal.halt = SIGTERM |
      When a chain of depth 3 is built in which every level delegates what the levels below it need
      Then the build stops at level 3 in operation "start" for the reason "AppArmor profile refused"
      And the levels above it are still up

  @on-userns-mediation
  Rule: A profile without a rule for user namespaces prevents nesting
    Since Linux 6.7 AppArmor mediates the creation of user namespaces. Debian's LXD has no rule for
    it. Without an additional rule, LXD on Debian 13 does not nest beyond level 1.

    # Newer profiles have the rule (LXD: 20b397eff5, also in 5.21.3; Incus: c60b779b25, also in 6.0.5).
    @before-lxd-5.0.4 @before-incus-6.0.5
    Scenario: LXD's own profile of level 1 prevents level 2 from starting
      Given level 1 has no rules in raw.apparmor
      When a chain of depth 2 is built in which every level delegates what the levels below it need
      Then the build stops at level 2 in operation "start" for the reason "user namespaces denied"
      And the levels above it are still up
