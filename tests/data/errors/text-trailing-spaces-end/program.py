if True:
    
   
