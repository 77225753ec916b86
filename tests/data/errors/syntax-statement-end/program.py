if True:
    x = 1
end
