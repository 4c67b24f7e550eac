Feature: AppArmor around levels
  On a Debian or an Ubuntu as it is installed LXD confines each container by an AppArmor
  profile. The host's LXD also gives level 1 a namespace of profiles, in which the LXD
  there makes its own (LXD: lxd/sys/apparmor.go). One in level 2 is confined without such a
  namespace.

  Background:
    Given an LXD host whose root allocation is "root:500000:196608"

  @on-apparmor
  Rule: A level is in the profiles of all levels around it, and in one of its own

    Scenario: Level 1 has a namespace of profiles, and level 2 a profile in it
      Given a chain of depth 2 in which every level delegates what the levels below it need
      Then all 2 levels are up
      And AppArmor confines the inits by
        | level | namespace | profile    |
        | 1     |           | c1         |
        | 1     | c1        | unconfined |
        | 2     |           | c1         |
        | 2     | c1        | c2         |

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
