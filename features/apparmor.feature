Feature: AppArmor around levels
  On a Debian or an Ubuntu as it is installed LXD confines each container by an AppArmor
  profile. The host's LXD also gives level 1 a namespace of profiles, in which the LXD
  there makes its own (LXD: lxd/sys/apparmor.go). There is none within that one, so the
  LXDs from level 2 down make no profiles: what they run stays in that of level 2.

  Background:
    Given an LXD host whose root allocation is "root:500000:262144"

  @on-apparmor
  Rule: A level is in the profiles of all levels around it, and in one of its own

    @core @requires-root
    Scenario: Level 1 has a namespace of profiles, and level 2 a profile in it
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
  Rule: From level 2 down a LXD must be told to leave AppArmor alone, and its liblxc, too

    Scenario: The LXD of level 2 is not told, and makes a profile for its unpacker in vain
      Given the configuration of level 2 is
        | key                               | value |
        | environment.LXD_SECURITY_APPARMOR | true  |
      When a chain of depth 3 is built in which every level delegates what the levels below it need
      Then the build stops at level 3 in operation "create" for the reason "AppArmor profile refused"
      And the levels above it are still up

    Scenario: The liblxc of level 2 is not told, and changes to a profile of its own in vain
      Given the configuration of level 3 is
        | key     | value                     |
        | raw.lxc | lxc.signal.halt = SIGTERM |
      When a chain of depth 3 is built in which every level delegates what the levels below it need
      Then the build stops at level 3 in operation "start" for the reason "AppArmor profile refused"
      And the levels above it are still up

  @on-userns-mediation
  Rule: A profile without a rule for user namespaces lets no level start inside
    Since Linux 6.7 AppArmor is asked about every user namespace. LXD has had the rule since
    5.21 (canonical/lxd issue 11920), Debian's has not. Without more, LXD on Debian 13 nests
    no further than level 1.

    Scenario: As LXD makes it, the profile of level 1 keeps level 2 from starting
      Given level 1 has no rules in raw.apparmor
      When a chain of depth 2 is built in which every level delegates what the levels below it need
      Then the build stops at level 2 in operation "start" for the reason "user namespaces denied"
      And the levels above it are still up
