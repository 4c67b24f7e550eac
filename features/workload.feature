@requires-tools @requires-private-host
Feature: Running OCI and LXC containers in a level
  Users of level 3 run their own containers without LXD: with an OCI runtime such as crun,
  or with plain LXC. Root can map the ids that the level has; other users can map the ids
  that newuidmap grants them.

  Rule: A container of root can have any ids of the level

    Background:
      Given an LXD host whose root allocation is "root:500000:262144"
      And crun is installed on the host and at every level
      And a chain of depth 3 in which every level keeps a block and delegates the rest, the last level to its root and its user 1000

    Scenario: An OCI container without a user namespace has the map of the level
      When root of level 3 runs an OCI container without requesting a user namespace
      Then the container has the uid and gid map of level 3
      And the container's root and its files have id 631072 on the host

    Scenario: An OCI container has its own block
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

    Scenario: An OCI container cannot have an id that the level does not have
      When root of level 3 runs an OCI container with the uid and gid map
        | inside | parent | count |
        | 0      | 65536  | 65537 |
      Then the container does not start: "_map`: Operation not permitted"

  Rule: A container of another user can have that user's id and the ids that newuidmap grants

    Background:
      Given an LXD host whose root allocation is "root:500000:262144"
      And crun is installed on the host and at every level
      And a chain of depth 3 in which every level keeps a block and delegates the rest, the last level to its root and its user 1000

    Scenario: User 1000 runs an OCI container with one id
      When user 1000 of level 3 runs an OCI container with the uid and gid map
        | inside | parent | count |
        | 0      | 1000   | 1     |
      Then the container runs with the uid and gid map
        | inside | parent | host   | count |
        | 0      | 1000   | 632072 | 1     |
      And the container's root and its files have id 632072 on the host

    Scenario: User 1000 runs an OCI container with its own id and the granted ids
      When user 1000 of level 3 runs an OCI container with the uid and gid map
        | inside | parent | count |
        | 0      | 1000   | 1     |
        | 1      | 65536  | 65536 |
      Then the container runs with the uid and gid map
        | inside | parent | host   | count |
        | 0      | 1000   | 632072 | 1     |
        | 1      | 65536  | 696608 | 65536 |
      And the container's root and its files have id 632072 on the host

    Scenario: A user who requests no user namespace gets one with its own id and all granted ids
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

    Scenario: User 65534, who has no granted ids, cannot have the ids of user 1000
      When user 65534 of level 3 runs an OCI container with the uid and gid map
        | inside | parent | count |
        | 0      | 65534  | 1     |
        | 1      | 65536  | 65536 |
      Then the container does not start: "range [1-65537) -> [65536-131072) not allowed"

  Rule: A container of plain LXC can only have ids that newuidmap grants, even for root
    If newuidmap is installed, liblxc always lets it write the map (liblxc: idmap_utils.c,
    lxc_map_ids). crun only does so for users other than root.

    Background:
      Given an LXD host whose root allocation is "root:500000:262144"
      And lxc is installed on the host and at every level
      And a chain of depth 3 in which every level keeps a block and delegates the rest, the last level to its root and its user 1000

    Scenario: An LXC container has its own block
      When root of level 3 runs an LXC container with the uid and gid map
        | inside | parent | count |
        | 0      | 65536  | 65536 |
      Then the container runs with the uid and gid map
        | inside | parent | host   | count |
        | 0      | 65536  | 696608 | 65536 |
      And the container's root and its files have id 696608 on the host

    Scenario: LXC cannot use other ids than newuidmap grants, even for root
      When root of level 3 runs an LXC container with the uid and gid map
        | inside | parent | count |
        | 0      | 10000  | 5000  |
      Then the container does not start: "newuidmap: uid range [0-5000) -> [10000-15000) not allowed"

  Rule: A level without security.nesting can only run containers without a user namespace
    In a new user namespace the kernel only mounts a proc filesystem if another one is visible
    with nothing mounted over it (fs/namespace.c, mount_too_revealing). A level only has such a
    proc with security.nesting.

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
  Rule: The AppArmor profile of a level without security.nesting forbids mounts, unless Debian 12's parser compiled it
    The LXD above makes the profile, and apparmor_parser of the same system compiles it. Before
    version 3.0.10, the parser made mount rules too permissive (CVE-2016-1585). Debian 12 has 3.0.8.

    Background:
      Given an LXD host whose root allocation is "root:500000:65536"

    Scenario: Under an LXD of Debian 13, a level without security.nesting cannot run an OCI container
      Given the levels run the bundles
        | level | bundle                   |
        | 0     | debian:trixie            |
        | 1     | debian:trixie,with-tools |
      And a chain of depth 1 in which every level delegates what the levels below it need
      When root of level 1 runs an OCI container without requesting a user namespace
      Then the container does not start: "mount `proc` to `proc`: Permission denied"

    Scenario: Under an LXD of Debian 12, a level without security.nesting can run an OCI container
      Given the levels run the bundles
        | level | bundle                   |
        | 0     | debian:bookworm          |
        | 1     | debian:trixie,with-tools |
      And a chain of depth 1 in which every level delegates what the levels below it need
      When root of level 1 runs an OCI container without requesting a user namespace
      Then the container has the uid and gid map of level 1
      And the container's root and its files have id 500000 on the host
