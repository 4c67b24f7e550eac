@requires-tools @requires-private-host
Feature: Networks at every level
  Every LXD of the chain has a managed bridge. dnsmasq gives an address to the level that is
  connected to it, and answers its questions for names. The LXD translates the addresses of
  what leaves the bridge (NAT), so that the levels above need no routes.

  Background:
    Given an LXD host whose root allocation is "root:500000:196608"
    And dnsmasq is installed on the host and at every level
    And a chain of depth 3 in which every level delegates what the levels below it need
    And every level is connected to a bridge of the LXD above

  Rule: A level reaches the networks of the levels above

    Scenario Outline: Level <level> reaches a server on the host by <family>
      When level <level> connects to a server on the host by <family>
      Then the server sees the address of level 1

      Examples:
        | level | family |
        | 1     | IPv4   |
        | 2     | IPv4   |
        | 3     | IPv4   |
        | 1     | IPv6   |
        | 2     | IPv6   |
        | 3     | IPv6   |

    Scenario Outline: Without NAT of <family> at level 1, what level 2 sends gets no answer
      Given the bridge above level 2 has <key> "false"
      Then level 1 reaches a server on the host by <family>
      But level 2 does not reach a server on the host by <family>

      Examples:
        | family | key      |
        | IPv4   | ipv4.nat |
        | IPv6   | ipv6.nat |

    Scenario: A bridge with a chosen address has no NAT
      Given the bridge above level 2 has ipv4.nat ""
      Then level 1 reaches a server on the host by IPv4
      But level 2 does not reach a server on the host by IPv4

    Scenario: NAT at level 1 is turned off under a running chain
      When the bridge above level 2 gets ipv4.nat "false"
      Then level 1 reaches a server on the host by IPv4
      But level 2 does not reach a server on the host by IPv4
      # Level 2 translates what level 3 sends, but nobody knows level 2.
      And level 3 does not reach a server on the host by IPv4

    Scenario: NAT at level 1 is turned on under a running chain
      Given the bridge above level 2 has ipv4.nat "false"
      When the bridge above level 2 gets ipv4.nat "true"
      Then level 3 reaches a server on the host by IPv4

    Scenario: The LXD of level 1 is restarted
      When the LXD of level 1 is restarted
      Then level 2 reaches a server on the host by IPv4
      And level 3 reaches a server on the host by IPv6

  Rule: A level finds the levels on its bridge by name

    Scenario Outline: Level <level> finds itself by its <family> address
      When level <level> looks up the <family> address of level <level>
      Then the answer is the address of level <level>

      Examples:
        | level | family |
        | 1     | IPv4   |
        | 2     | IPv4   |
        | 3     | IPv4   |
        | 3     | IPv6   |

    Scenario: Level 3 does not find level 2, because their bridges have the same domain
      When level 3 looks up the IPv4 address of level 2
      Then there is no such name

    Scenario Outline: With a domain for each bridge, level 3 finds level <level>
      Given the bridge above level 1 has dns.domain "one"
      And the bridge above level 2 has dns.domain "two"
      And the bridge above level 3 has dns.domain "three"
      When level 3 looks up the IPv4 address of level <level>
      Then the answer is the address of level <level>

      Examples:
        | level |
        | 1     |
        | 2     |
        | 3     |

    Scenario: Level 1 does not find level 2, which is on another bridge
      Given the bridge above level 1 has dns.domain "one"
      And the bridge above level 2 has dns.domain "two"
      When level 1 looks up the IPv4 address of level 2
      Then there is no such name

  Rule: The addresses of a bridge may be those of a bridge that is not next to it

    Scenario: LXD chooses an address for level 2 that level 1 does not use, and NAT
      Given the bridge above level 2 has ipv4.address ""
      And the bridge above level 2 has ipv4.nat ""
      Then level 2 reaches a server on the host by IPv4
      And no two bridges have addresses in common

    Scenario: The bridge above level 3 has the addresses of the bridge above level 1
      Given the bridge above level 1 has ipv4.address "10.20.30.1/24"
      And the bridge above level 3 has ipv4.address "10.20.30.1/24"
      Then level 3 reaches a server on the host by IPv4

    Scenario: The bridge above level 2 has the addresses of the bridge above level 1
      Given the bridge above level 1 has ipv4.address "10.20.30.1/24"
      And the bridge above level 2 has ipv4.address "10.20.30.1/24"
      Then level 1 reaches a server on the host by IPv4
      But level 2 does not reach a server on the host by IPv4

  Rule: The largest packet of a bridge is that of the interfaces on it

    Scenario: A level sees its own interfaces, and none of the levels above
      Then the network interfaces of level 1 are
        | interface | MTU   |
        | eth0      | 1500  |
        | lo        | 65536 |
        | nestbed0  | 1500  |
      And the network interfaces of level 3 are
        | interface | MTU   |
        | eth0      | 1500  |
        | lo        | 65536 |

    Scenario: A bridge of the host has small packets
      Given the bridge above level 1 has bridge.mtu "1400"
      Then the network interfaces of level 1 are
        | interface | MTU   |
        | eth0      | 1400  |
        | lo        | 65536 |
        | nestbed0  | 1500  |
      And level 3 sends 1000 kB to a server on the host by IPv4
      And level 3 sends 1000 kB to a server on the host by IPv6

  Rule: A level has its own firewall, and cannot change that of a level above

    Scenario: Root of level 3 deletes all firewall rules that it sees
      When root of level 3 deletes all firewall rules that it sees
      Then level 3 reaches a server on the host by IPv4

    Scenario: Root of level 1 deletes all firewall rules that it sees
      When root of level 1 deletes all firewall rules that it sees
      Then level 1 reaches a server on the host by IPv4
      But level 2 does not reach a server on the host by IPv4
