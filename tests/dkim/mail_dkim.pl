# What Perl's Mail::DKIM says of each signature; asks the name server on the port that is named.
use strict;
use warnings;
use Mail::DKIM::DNS;
use Mail::DKIM::Verifier;
use Net::DNS::Resolver;

Mail::DKIM::DNS::resolver(
    Net::DNS::Resolver->new( nameservers => ['127.0.0.1'], port => $ARGV[0] ) );
my $verifier = Mail::DKIM::Verifier->new();
binmode STDIN;
local $/ = undef;
$verifier->PRINT(<STDIN>);
$verifier->CLOSE;
print $_->algorithm, ' ', $_->result, "\n" for $verifier->signatures;
