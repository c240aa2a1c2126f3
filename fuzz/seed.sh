#!/bin/sh
# Inputs to begin with, made of the fixtures, into corpus/.
set -eu
cd "$(dirname "$0")"
exec cargo run --quiet --example seeds
