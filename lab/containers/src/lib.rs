//! Samba AD and OpenLDAP in containers.
