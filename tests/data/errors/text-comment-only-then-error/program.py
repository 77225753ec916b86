# a
# b


)
