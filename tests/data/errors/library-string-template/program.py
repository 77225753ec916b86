from string import Template

Template("$a").substitute({})
