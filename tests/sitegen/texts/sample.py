"""A short text in the manner of an RFC, written for these tests: pages, contents, lists, grammar, errata."""

SAMPLE = """\


Network Working Group                                          A. Author
Request for Comments: 99999                                 January 2026
Obsoletes: 99990, 99991
Updates: 99992
Category: Standards Track


                       The Lamp Switching Protocol

Abstract

   This protocol switches lamps.

Table of Contents

   1.  Introduction . . . . . . . . . . . . . . . . . . . . . . . . .  1
     1.1.  Words  . . . . . . . . . . . . . . . . . . . . . . . . . .  1
   2.  Commands . . . . . . . . . . . . . . . . . . . . . . . . . . .  2
     2.1.  LIGHT  . . . . . . . . . . . . . . . . . . . . . . . . . .  2
   Appendix A.  Examples  . . . . . . . . . . . . . . . . . . . . . .  2

1.  Introduction

   A lamp is on or off.  See Section 2.1 and RFC 5321, Section 4.5.

1.1.  Words

   The key words "MUST", "MUST NOT" and "MAY" in this document are to be
   interpreted as described in RFC 2119.

   A server MUST answer within a second (e.g. by "OK"), and it SHOULD
   NOT blink.  A client MAY wait for
   the an-
   swer.



Author                      Standards Track                     [Page 1]
\f
RFC 99999               Lamp Switching Protocol             January 2026


   The word "MUST" in quotation marks demands nothing.  A lamp that is
   switched on, whatever its colour, its age and the room in which it



Author                      Standards Track                     [Page 2]
\f
RFC 99999               Lamp Switching Protocol             January 2026


   hangs, MUST give light.

2.  Commands

   1.  This is an item of a list, not a section.

   2.  And another one.

   A client MUST NOT:

   o  switch a lamp that is broken;

   o  switch a lamp of another
      client.

2.1.  LIGHT

   light   =  "LIGHT" SP lamp CRLF  ; MUST be upper case
   lamp    =  1*DIGIT

   +------+
   | MUST |
   +------+

   The lamp's number is REQUIRED.

Appendix A.  Examples

   C: LIGHT 1
   S: OK it MUST be bright

"""
