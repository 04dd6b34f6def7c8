# SPDX-License-Identifier: GPL-2.0-only
# Shows the report that follows the text `mark` in the kernel's log, and where it differs from the file `report`.
# Status: 0 the same, 1 different, 3 not whole.
function value(line, name,	found) {
	found = match(line, "(^| )" name "=[^ ]*")
	return found ? substr(line, RSTART + (substr(line, RSTART, 1) == " ") + length(name) + 1,
			      RLENGTH - (substr(line, RSTART, 1) == " ") - length(name) - 1) : ""
}

function show(line,	words, state, counters) {
	sub(/^run [0-9]+ /, "", line)
	if (line !~ /^step /) {
		if (line !~ /^(begin|end) /)
			print "    " line
		return
	}
	split(line, words, " ")
	state = counters = line
	sub(/ \|.*/, "", state)
	sub(/.* active=[01] /, "", state)
	sub(/.* \| ?/, "", counters)
	if (counters == line)
		counters = ""
	printf "    %4s %-17s hooks %s  %-8s  %s  %s\n", words[2], words[3], value(line, "hooks"),
		value(line, "active") == "1" ? "active" : "inactive", state, counters
}

BEGIN {
	while ((getline line < report) > 0)
		predicted[++due] = line
}

!marked {
	marked = index($0, mark)
	next
}

/^(\[[^]]*\] )?lazymmu: run / {
	sub(/^(\[[^]]*\] )?lazymmu: /, "")
	seen++
	show($0)
	if (!first && $0 != predicted[seen]) {
		first = seen
		observed = $0
	}
	if ($3 == "end")
		whole = ($4 == "lines=" seen - 1)
	if ($3 == "error")
		error = $0
}

END {
	if (!whole || error) {
		print "    ERROR: " (error ? error : "the report is not whole: it may be longer than the kernel's log")
		exit 3
	}
	if (!first && seen == due) {
		print "    as predicted"
		exit 0
	}
	print "    DIFFERS from the model, first here:"
	print "        predicted: " (first ? predicted[first] : predicted[seen + 1])
	print "        observed:  " (first ? observed : "(nothing)")
	exit 1
}
