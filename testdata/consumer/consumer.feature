Feature: A feature of another module
  It uses steps of nestbed, and adds one.

  Scenario: Root is root at every level
    Given an LXD host whose root allocation is "root:500000:131072"
    And a chain of depth 2 in which every level delegates what the levels below it need
    Then all 2 levels are up
    And at level 2 the command "id -u" prints "0"
