print(f"""{
1 +
}""")
