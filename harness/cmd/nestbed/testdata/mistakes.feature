Feature: Mistakes
  Scenario: one
    Given an LXD host with out a root allocation
    When it rains
