Feature: Siblings are separated even with the same ids
  Siblings that are not isolated have the same ids on the host: for the kernel, root of
  one is root of the other. They are only separated because neither can see the files,
  processes and sockets of the other.

  Rule: Siblings with the same host ids cannot reach each other

    @requires-root
    Scenario Outline: Root of a sibling at level <level> cannot reach files, processes or sockets of the other
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
