import sys
sys.stdout.reconfigure(errors="surrogatepass")
print("4\udc00")
sys.stdout.flush()
sys.stdout.buffer.write(b"\xed\xb0\x80\xff\xfe\x00\x1b[2J\r")
