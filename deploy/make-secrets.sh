#!/bin/sh
# Makes the secrets of the deployment, once, in deploy/secrets (or the folder named): random, and nowhere else.
# The folder is its owner's alone; the files can be read by the containers that they are mounted into.
set -eu
folder="${1:-$(dirname "$0")/secrets}"
if [ -e "$folder" ]; then
    echo "$folder is there already: keep it, or move it away to have new secrets" >&2
    exit 1
fi
random() { od -An -N "$1" -t x1 /dev/urandom | tr -d ' \n'; }
umask 022
mkdir -p "$folder"
chmod 700 "$folder"
password="$(random 24)"
access="$(random 10)"
secret="$(random 24)"
# The first administrator's key, in the form of an API key: clients exchange it for tokens.
printf 'twk_%s_%s' "$(random 6)" "$(random 22 | cut -c 1-43)" > "$folder/admin_key"
printf '%s' "$password" > "$folder/postgres_password"
for service in tracking artifacts registry auth; do
    printf 'postgresql://trackway:%s@postgres/%s' "$password" "$service" > "$folder/${service}_database_url"
done
# What the registry encrypts the secrets of webhooks with: 32 bytes in URL-safe base64.
head -c 32 /dev/urandom | base64 | tr '+/' '-_' > "$folder/registry_webhook_key"
printf '[default]\naws_access_key_id = %s\naws_secret_access_key = %s\n' "$access" "$secret" > "$folder/s3_credentials"
cat > "$folder/s3_identities" <<JSON
{"identities": [{"name": "trackway", "actions": ["Admin", "Read", "Write", "List", "Tagging"],
  "credentials": [{"accessKey": "$access", "secretKey": "$secret"}]}]}
JSON
echo "made $folder"
