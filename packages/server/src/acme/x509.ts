// Numbers of X.509 (RFC 5280) that certificates and requests for them share.

export const ECDSA_WITH_SHA256 = '1.2.840.10045.4.3.2';
export const SUBJECT_ALT_NAME = '2.5.29.17';
/** The tag of a DNS name among general names (RFC 5280 section 4.2.1.6). */
export const DNS_NAME = 2;
