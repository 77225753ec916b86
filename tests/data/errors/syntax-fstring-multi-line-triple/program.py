a = 1
print(f"""one
{a}
{a a}
""")
