"""A cable that loses packets. Arguments: two devices, percent, seed; or `checksum` and a device, which makes the
device compute its checksums itself (a packet that passes through a program must carry them)."""
import fcntl
import random
import select
import socket
import struct
import sys

ETHTOOL_STXCSUM, ETHTOOL_STSO, ETHTOOL_SGSO, SIOCETHTOOL = 0x17, 0x1F, 0x24, 0x8946


def own_checksums(device):
    import array
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for command in (ETHTOOL_STSO, ETHTOOL_SGSO, ETHTOOL_STXCSUM):
            value = array.array("B", struct.pack("II", command, 0))
            request = struct.pack("16sP", device.encode(), value.buffer_info()[0])
            try:
                fcntl.ioctl(sock, SIOCETHTOOL, request)
            except OSError:
                if command == ETHTOOL_STXCSUM:
                    raise


def forward(one, two, percent, seed):
    sockets = []
    for device in (one, two):
        sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.ntohs(3))
        sock.bind((device, 0))
        sockets.append(sock)
    other = {sockets[0]: sockets[1], sockets[1]: sockets[0]}
    chance = random.Random(seed)
    while True:
        for sock in select.select(sockets, [], [])[0]:
            data, address = sock.recvfrom(65536)
            if address[2] == socket.PACKET_OUTGOING:
                continue
            # ARP is spared: a second without it would only make the recording longer.
            if data[12:14] != b"\x08\x06" and chance.random() * 100 < percent:
                continue
            other[sock].send(data)


if sys.argv[1] == "checksum":
    own_checksums(sys.argv[2])
else:
    forward(sys.argv[1], sys.argv[2], float(sys.argv[3]), int(sys.argv[4]))
