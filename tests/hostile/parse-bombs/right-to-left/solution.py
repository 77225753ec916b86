# ‮ )1(tnirp
print(2) ⁦
