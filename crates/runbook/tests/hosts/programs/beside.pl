# Listens on a port that others may listen on beside it (SO_REUSEPORT).
use strict;
use Socket;
socket(my $socket, PF_INET, SOCK_STREAM, 0) or die;
setsockopt($socket, SOL_SOCKET, SO_REUSEPORT, 1) or die;
bind($socket, sockaddr_in($ARGV[0], INADDR_ANY)) or die "cannot bind: $!";
listen($socket, 5) or die;
sleep 1 while 1;
