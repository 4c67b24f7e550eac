Feature: Siblings are apart, whatever their ids
  Siblings that are not isolated have the same ids on the host: to the kernel,
  root of one is root of the other. What keeps them apart is that neither sees
  anything of the other's that it could have a right to.

  Rule: With the same ids on the host, nothing of a sibling is in reach

    @requires-root
    Scenario Outline: Root of a sibling at level <level> reaches neither files nor processes nor sockets of the other
      Given an LXD host whose root allocation is "root:500000:196608"
      And a chain of depth <level> in which every level delegates what the levels below it need
      When these siblings are made at level <level>
        | sibling | isolated | size | base |
        | A       | no       |      |      |
        | B       | no       |      |      |
      Then siblings A and B at level <level> share all host ids
      And root of sibling A at level <level> cannot reach any file of sibling B
      And root of sibling A at level <level> cannot reach any process of sibling B
      And root of sibling A at level <level> cannot reach any abstract socket of sibling B

      Examples:
        | level |
        | 1     |
        | 2     |
