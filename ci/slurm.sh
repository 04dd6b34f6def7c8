#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Runs one shard in each task of a job array, and joins the results in the task that ends last:
#     sbatch --array=1-8 ci/slurm.sh [SCENARIO or flag of `lazymmu run` ...]
# $LAZYMMU names the command, $LAZYMMU_RESULTS the folder, on a file system that all nodes see.
#SBATCH --job-name=lazymmu
#SBATCH --cpus-per-task=2
#SBATCH --mem=4G
#SBATCH --time=01:00:00
set -u

lazymmu=${LAZYMMU:-${SLURM_SUBMIT_DIR:-.}/lazymmu}
results=${LAZYMMU_RESULTS:-${SLURM_SUBMIT_DIR:-.}/lazymmu-$SLURM_ARRAY_JOB_ID}
# An array may begin with any number, and have a step, as in --array=0-14:2.
shard=$(((SLURM_ARRAY_TASK_ID - SLURM_ARRAY_TASK_MIN) / ${SLURM_ARRAY_TASK_STEP:-1} + 1))

mkdir -p "$results/done" || exit 3
"$lazymmu" run "$@" --shard "$shard/$SLURM_ARRAY_TASK_COUNT" --out "$results/$shard" --quiet
status=$?

# Of tasks that end at the same moment, the one that makes the folder joins the results.
touch "$results/done/$shard"
if [ "$(ls "$results/done" | wc -l)" = "$SLURM_ARRAY_TASK_COUNT" ] && mkdir "$results/merging" 2>/dev/null; then
	"$lazymmu" merge "$results/all" "$results"/[0-9]* || status=$?
fi
exit "$status"
