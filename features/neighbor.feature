@requires-tools @requires-private-host
Feature: Siblings on one bridge
  A level and a container beside it are on one bridge of the LXD above. That LXD keeps them apart
  only if it is told to do so for each of them.

  Background:
    Given an LXD host whose root allocation is "root:500000:131072"
    And dnsmasq is installed on the host and at every level
    And a chain of depth 2 in which every level delegates what the levels below it need
    And every level is connected to a bridge of the LXD above

  Rule: Siblings reach each other, unless both are isolated from other ports of the bridge

    Scenario Outline: A sibling reaches level <level>
      Given these siblings at level <level>
        | sibling | isolated | size | base |
        | A       | no       |      |      |
      Then sibling A at level <level> reaches the level beside it by IPv4
      And sibling A at level <level> reaches the level beside it by IPv6

      Examples:
        | level |
        | 1     |
        | 2     |

    Scenario: With port isolation of the sibling only, it reaches level 2
      Given these siblings at level 2
        | sibling | isolated | size | base |
        | A       | no       |      |      |
      And the interface of sibling A at level 2 has security.port_isolation "true"
      Then sibling A at level 2 reaches the level beside it by IPv4

    Scenario: With port isolation of both, the sibling reaches the host, but not level 2
      Given these siblings at level 2
        | sibling | isolated | size | base |
        | A       | no       |      |      |
      And the interface of level 2 has security.port_isolation "true"
      And the interface of sibling A at level 2 has security.port_isolation "true"
      Then sibling A at level 2 reaches a server on the host by IPv4
      But sibling A at level 2 does not reach the level beside it by IPv4

  Rule: An ACL of a bridge keeps siblings apart only if the firewall sees what bridges forward

    @requires-br-netfilter
    Scenario Outline: An ACL without rules, and a firewall that <sees> what the bridge forwards
      Given these siblings at level 2
        | sibling | isolated | size | base |
        | A       | no       |      |      |
      And the firewall above level 2 <sees> what its bridges forward
      When the bridge above level 2 gets an ACL that allows nothing
      Then level 2 does not reach a server on the host by IPv4
      And sibling A at level 2 <reaches> the level beside it by IPv4

      Examples:
        | sees         | reaches        |
        | does not see | reaches        |
        | sees         | does not reach |

    Scenario: With an ACL that allows everything that leaves the bridge, level 2 reaches the host
      When the bridge above level 2 gets an ACL that allows everything that leaves the bridge
      Then level 2 reaches a server on the host by IPv4

  Rule: Root of a container takes any address, unless the LXD filters what comes from it

    Scenario Outline: A sibling takes another <address> address
      Given these siblings at level 2
        | sibling | isolated | size | base |
        | A       | no       |      |      |
      And the interface of sibling A at level 2 has <key> "<value>"
      When root of sibling A at level 2 takes another <address> address
      Then sibling A at level 2 <reaches> a server on the host by IPv4

      Examples:
        | address  | key                     | value | reaches        |
        | IPv4     | security.ipv4_filtering | false | reaches        |
        | IPv4     | security.ipv4_filtering | true  | does not reach |
        | hardware | security.mac_filtering  | false | reaches        |
        | hardware | security.mac_filtering  | true  | does not reach |
