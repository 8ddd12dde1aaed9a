# Samba as an Active Directory domain controller, no domain yet. Debian 13 has 4.22.
FROM @BASE@
RUN apt-get update -qq \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
    samba-ad-dc samba-ad-provision samba-dsdb-modules samba-vfs-modules ldb-tools python3-samba winbind \
    krb5-user ldap-utils \
 && rm -rf /var/lib/apt/lists/*
