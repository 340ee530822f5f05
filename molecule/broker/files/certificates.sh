#!/bin/sh
# certificates.sh DIRECTORY NAME [FOR]: an authority (once) and a certificate NAME, valid FOR these names and addresses.
set -eu
mkdir -p "$1"
cd "$1"
[ -e ca.pem ] || openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj "/CN=test authority" -addext keyUsage=critical,keyCertSign,cRLSign -keyout ca.key -out ca.pem 2>/dev/null
openssl req -newkey rsa:2048 -nodes -subj "/CN=$2" -keyout "$2.key" -out "$2.csr" 2>/dev/null
# Python 3.13 wants to be told whose key it is, too.
printf 'subjectAltName=%s\nauthorityKeyIdentifier=keyid\nsubjectKeyIdentifier=hash\n' "${3:-DNS:localhost,IP:127.0.0.1}" >"$2.ext"
openssl x509 -req -in "$2.csr" -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 -extfile "$2.ext" -out "$2.new" 2>/dev/null
mv "$2.new" "$2.pem"
