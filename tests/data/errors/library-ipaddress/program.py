import ipaddress

ipaddress.ip_address("x")
