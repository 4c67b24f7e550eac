Feature: The life of a chain
  A chain is containers that run in containers. Whatever happens to one of them, or
  to a LXD, has an end that the levels inside must survive, or come back from.

  Background:
    Given an LXD host whose root allocation is "root:500000:196608"
    And a chain of depth 3 in which every level delegates what the levels below it need

  Rule: A LXD that ends leaves its containers running, and finds them when it starts again

    Scenario Outline: The LXD of <where> is restarted under the running chain
      When the LXD of <where> is restarted
      Then all 3 levels are up
      And every level has run without a break
      And every level has the ids that were planned

      Examples:
        | where    |
        | the host |
        | level 1  |
        | level 2  |
