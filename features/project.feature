Feature: Restrictions and limits of a project are a reason of their own
  An LXD with several users has projects with restrictions and limits. A refusal by a
  project is distinguished from one because of ids or by the kernel, and is reported at
  the level that it concerns.

  Background:
    Given an LXD host whose root allocation is "root:500000:196608"

  Rule: By default, containers in a restricted project cannot nest

    Scenario: Level 2 is refused because it would contain level 3
      Given the project of level 1 has the configuration
        | key        | value |
        | restricted | true  |
      When a chain of depth 3 is built in which every level delegates what the levels below it need
      Then the build stops at level 2 in operation "create" for the reason "forbidden by the project"
      And the levels above it are still up

    @requires-private-host
    Scenario: Level 1 is refused because it would contain level 2
      Given the project of the host has the configuration
        | key        | value |
        | restricted | true  |
      When a chain of depth 2 is built in which every level delegates what the levels below it need
      Then the build stops at level 1 in operation "create" for the reason "forbidden by the project"

    Scenario: The last level, which contains no other, is made
      Given the project of level 1 has the configuration
        | key        | value |
        | restricted | true  |
      When a chain of depth 2 is built in which every level delegates what the levels below it need
      Then all 2 levels are up

    Scenario: If the project allows nesting, level 2 is made
      Given the project of level 1 has the configuration
        | key                            | value |
        | restricted                     | true  |
        | restricted.containers.nesting  | allow |
        | restricted.containers.lowlevel  | allow |
      When a chain of depth 3 is built in which every level delegates what the levels below it need
      Then all 3 levels are up

    Scenario: A privileged level is refused
      Given the project of level 1 has the configuration
        | key        | value |
        | restricted | true  |
      And level 2 is privileged
      When a chain of depth 2 is built in which every level delegates what the levels below it need
      Then the build stops at level 2 in operation "create" for the reason "forbidden by the project"

  Rule: A project at its limit gets no more containers

    Scenario Outline: <limit>=<value> leaves no room for level 2
      Given the project of level 1 has the configuration
        | key     | value   |
        | <limit> | <value> |
      When a chain of depth 2 is built in which every level delegates what the levels below it need
      Then the build stops at level 2 in operation "create" for the reason "limit of the project"

      Examples:
        | limit             | value |
        | limits.instances  | 0     |
        | limits.containers | 0     |

    Scenario Outline: <limit>=<value> is less than level 2 requests
      Given the project of level 1 has the configuration
        | key     | value   |
        | <limit> | <value> |
      And the configuration of level 2 is
        | key     | value   |
        | <limit> | <asked> |
      When a chain of depth 2 is built in which every level delegates what the levels below it need
      Then the build stops at level 2 in operation "create" for the reason "limit of the project"

      Examples:
        | limit            | value  | asked  |
        | limits.memory    | 200MiB | 201MiB |
        | limits.processes | 500    | 501    |

    Scenario Outline: If the project has <limit>, level 2 is refused without its own <limit>
      Given the project of level 1 has the configuration
        | key     | value |
        | <limit> | 1GiB  |
      When a chain of depth 2 is built in which every level delegates what the levels below it need
      Then the build stops at level 2 in operation "create" for the reason "limit of the project"

      Examples:
        | limit         |
        | limits.memory |
        | limits.disk   |
