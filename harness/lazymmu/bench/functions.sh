# SPDX-License-Identifier: GPL-2.0-only
# step NUMBER REVISION PERSONALITY OPERATION. The module needs the whole program in one write: echo does that, printf
# writes each line separately. dmesg -c empties the log, so that it is never searched.
step() {
echo -ne "lazymmu-program 3\nrun $1\nrevision $2\npersonality $3\nsteps 1\n0 $4\nend\n" >/proc/lazymmu
cat /proc/lazymmu >/dev/null
dmesg -c
}
dmesg -c >/dev/null
