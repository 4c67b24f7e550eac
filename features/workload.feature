@requires-tools @requires-private-host
Feature: Something useful at the bottom
  Levels that only hold each other are no use to anyone. At level 3 people run containers of
  their own, without a LXD: by an OCI runtime such as crun, or by plain LXC. What they can
  map is what the level has, and what newuidmap grants a user there.

  Rule: A container that the root of a level runs can have any ids of that level

    Background:
      Given an LXD host whose root allocation is "root:500000:262144"
      And crun is installed on the host and at every level
      And a chain of depth 3 in which every level keeps a block and delegates the rest, the last level to its root and its user 1000

    Scenario: An OCI container without a user namespace is the level itself
      When root of level 3 runs an OCI container without requesting a user namespace
      Then the container has the uid and gid map of level 3
      And the container's root and its files have id 631072 on the host

    Scenario: An OCI container has a block of its own
      When root of level 3 runs an OCI container with the uid and gid map
        | inside | parent | count |
        | 0      | 65536  | 65536 |
      Then the container runs with the uid and gid map
        | inside | parent | host   | count |
        | 0      | 65536  | 696608 | 65536 |
      And the container's root and its files have id 696608 on the host

    Scenario: An OCI container shares a block with the level
      When root of level 3 runs an OCI container with the uid and gid map
        | inside | parent | count |
        | 0      | 10000  | 5000  |
      Then the container runs with the uid and gid map
        | inside | parent | host   | count |
        | 0      | 10000  | 641072 | 5000  |
      And the container's root and its files have id 641072 on the host

    Scenario: An OCI container cannot have an id that the level has not
      When root of level 3 runs an OCI container with the uid and gid map
        | inside | parent | count |
        | 0      | 65536  | 65537 |
      Then the container does not start: "_map`: Operation not permitted"

  Rule: A container that a user of a level runs can have that user's id, and those that newuidmap grants

    Background:
      Given an LXD host whose root allocation is "root:500000:262144"
      And crun is installed on the host and at every level
      And a chain of depth 3 in which every level keeps a block and delegates the rest, the last level to its root and its user 1000

    Scenario: User 1000 runs an OCI container of one id
      When user 1000 of level 3 runs an OCI container with the uid and gid map
        | inside | parent | count |
        | 0      | 1000   | 1     |
      Then the container runs with the uid and gid map
        | inside | parent | host   | count |
        | 0      | 1000   | 632072 | 1     |
      And the container's root and its files have id 632072 on the host

    Scenario: User 1000 runs an OCI container with the ids that are granted beside the own one
      When user 1000 of level 3 runs an OCI container with the uid and gid map
        | inside | parent | count |
        | 0      | 1000   | 1     |
        | 1      | 65536  | 65536 |
      Then the container runs with the uid and gid map
        | inside | parent | host   | count |
        | 0      | 1000   | 632072 | 1     |
        | 1      | 65536  | 696608 | 65536 |
      And the container's root and its files have id 632072 on the host

    Scenario: A user who asks for no user namespace gets one with the own id and all that are granted
      When user 1000 of level 3 runs an OCI container without requesting a user namespace
      Then the container runs with the uid and gid map
        | inside | parent | host   | count |
        | 0      | 1000   | 632072 | 1     |
        | 1      | 65536  | 696608 | 65536 |
      And the container's root and its files have id 632072 on the host

    Scenario: User 1000 cannot have the id of user 1001
      When user 1000 of level 3 runs an OCI container with the uid and gid map
        | inside | parent | count |
        | 0      | 1000   | 1     |
        | 1      | 1001   | 1     |
      Then the container does not start: "range [1-2) -> [1001-1002) not allowed"

    Scenario: User 65534, who is granted nothing, cannot have the ids of user 1000
      When user 65534 of level 3 runs an OCI container with the uid and gid map
        | inside | parent | count |
        | 0      | 65534  | 1     |
        | 1      | 65536  | 65536 |
      Then the container does not start: "range [1-65537) -> [65536-131072) not allowed"

  Rule: A container of plain LXC has the ids that newuidmap grants, whoever runs it
    Where newuidmap is installed liblxc leaves the map to it (liblxc: idmap_utils.c, lxc_map_ids). crun does so only for a user.

    Background:
      Given an LXD host whose root allocation is "root:500000:262144"
      And lxc is installed on the host and at every level
      And a chain of depth 3 in which every level keeps a block and delegates the rest, the last level to its root and its user 1000

    Scenario: A container of LXC has a block of its own
      When root of level 3 runs an LXC container with the uid and gid map
        | inside | parent | count |
        | 0      | 65536  | 65536 |
      Then the container runs with the uid and gid map
        | inside | parent | host   | count |
        | 0      | 65536  | 696608 | 65536 |
      And the container's root and its files have id 696608 on the host

    Scenario: Even for root, LXC has no ids but those that newuidmap grants
      When root of level 3 runs an LXC container with the uid and gid map
        | inside | parent | count |
        | 0      | 10000  | 5000  |
      Then the container does not start: "newuidmap: uid range [0-5000) -> [10000-15000) not allowed"

  Rule: A level that may not nest can run only containers without a user namespace
    From within a new user namespace the kernel mounts a proc filesystem only for who sees another with nothing
    mounted over it (fs/namespace.c, mount_too_revealing). LXD gives a level such a one for security.nesting alone.

    Background:
      Given an LXD host whose root allocation is "root:500000:65536"
      And crun is installed on the host and at every level
      And a chain of depth 1 in which every level delegates what the levels below it need

    @on-no-apparmor
    Scenario: An OCI container with a user namespace at a level without security.nesting
      When root of level 1 runs an OCI container with the uid and gid map
        | inside | parent | count |
        | 0      | 10000  | 5000  |
      Then the container does not start: "mount `proc` to `proc`: Operation not permitted"

    @on-no-apparmor
    Scenario: An OCI container without a user namespace at a level without security.nesting
      When root of level 1 runs an OCI container without requesting a user namespace
      Then the container has the uid and gid map of level 1
      And the container's root and its files have id 500000 on the host

  @on-apparmor @requires-debian @requires-private-host
  Rule: The AppArmor profile of a level that may not nest lets it mount nothing, unless Debian 12's parser compiled it
    The LXD above makes it, and the parser beside that compiles it. Before 3.0.10 rules for mounts were widened (CVE-2016-1585);
    Debian 12 has 3.0.8.

    Background:
      Given an LXD host whose root allocation is "root:500000:65536"

    Scenario: No OCI container at a level under a LXD of Debian 13
      Given the levels run the bundles
        | level | bundle                   |
        | 0     | debian:trixie            |
        | 1     | debian:trixie,with-tools |
      And a chain of depth 1 in which every level delegates what the levels below it need
      When root of level 1 runs an OCI container without requesting a user namespace
      Then the container does not start: "mount `proc` to `proc`: Permission denied"

    Scenario: An OCI container at a level under a LXD of Debian 12
      Given the levels run the bundles
        | level | bundle                   |
        | 0     | debian:bookworm          |
        | 1     | debian:trixie,with-tools |
      And a chain of depth 1 in which every level delegates what the levels below it need
      When root of level 1 runs an OCI container without requesting a user namespace
      Then the container has the uid and gid map of level 1
      And the container's root and its files have id 500000 on the host
