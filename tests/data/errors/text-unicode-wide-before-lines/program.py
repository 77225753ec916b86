a = ('🎉',
     '日本'.missing,
     '🎉')
