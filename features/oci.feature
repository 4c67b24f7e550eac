@requires-tools @requires-private-host
Feature: OCI runtimes at every level
  Docker, Podman and Kubernetes leave it to runc or crun to start a container. Both must work
  at a level as on the host, within the ids of the level.

  Background:
    Given an LXD host whose root allocation is "root:500000:262144"
    And crun is installed on the host and at every level
    And a chain of depth 3 in which every level keeps a block and delegates the rest, the last level to its root and its user 1000

  Rule: runc runs what crun runs

    Scenario Outline: runc runs a container without a user namespace at level <level>
      Given OCI containers are run by runc
      When root of level <level> runs an OCI container without requesting a user namespace
      Then the container has the uid and gid map of level <level>
      And the container's root and its files have id <id> on the host

      Examples:
        | level | id     |
        | 1     | 500000 |
        | 2     | 565536 |
        | 3     | 631072 |

    Scenario: runc gives a container its own block
      Given OCI containers are run by runc
      When root of level 3 runs an OCI container with the uid and gid map
        | inside | parent | count |
        | 0      | 65536  | 65536 |
      Then the container runs with the uid and gid map
        | inside | parent | host   | count |
        | 0      | 65536  | 696608 | 65536 |
      And the container's root and its files have id 696608 on the host

    Scenario: runc cannot give a container an id that the level does not have
      Given OCI containers are run by runc
      When root of level 3 runs an OCI container with the uid and gid map
        | inside | parent | count |
        | 0      | 65536  | 65537 |
      Then the container does not start: "Operation not permitted"

    Scenario: runc gives a container of user 1000 its own id and the granted ids
      Given OCI containers are run by runc
      When user 1000 of level 3 runs an OCI container with the uid and gid map
        | inside | parent | count |
        | 0      | 1000   | 1     |
        | 1      | 65536  | 65536 |
      Then the container runs with the uid and gid map
        | inside | parent | host   | count |
        | 0      | 1000   | 632072 | 1     |
        | 1      | 65536  | 696608 | 65536 |
      And the container's root and its files have id 632072 on the host

  Rule: A container may change the settings of its network namespace, within the ids of the level
    Docker 20.10 and later sets ip_unprivileged_port_start in every container. The groups that may
    send pings must exist in the level (Linux: net/ipv4/sysctl_net_ipv4.c, ipv4_ping_group_range).

    Scenario Outline: <runtime> lets every user of a container of level <level> listen on every port
      Given OCI containers are run by <runtime>
      When root of level <level> runs an OCI container with the sysctl net.ipv4.ip_unprivileged_port_start "0"
      Then the container has the uid and gid map of level <level>

      Examples:
        | runtime | level |
        | crun    | 1     |
        | crun    | 3     |
        | runc    | 1     |
        | runc    | 3     |

    Scenario Outline: <runtime> lets every group of level <level> send pings
      Given OCI containers are run by <runtime>
      When root of level <level> runs an OCI container with the sysctl net.ipv4.ping_group_range "<groups>"
      Then the container has the uid and gid map of level <level>

      Examples:
        | runtime | level | groups   |
        | crun    | 1     | 0 262143 |
        | crun    | 3     | 0 131071 |
        | runc    | 1     | 0 262143 |
        | runc    | 3     | 0 131071 |

    Scenario Outline: <runtime> cannot let a group send pings that level <level> does not have
      Given OCI containers are run by <runtime>
      When root of level <level> runs an OCI container with the sysctl net.ipv4.ping_group_range "<groups>"
      Then the container does not start: "nvalid argument"

      Examples:
        | runtime | level | groups   |
        | crun    | 1     | 0 262144 |
        | crun    | 3     | 0 131072 |
        | runc    | 1     | 0 262144 |
        | runc    | 3     | 0 131072 |
