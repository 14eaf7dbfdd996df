# What all the others need: Nemeton, and both releases of Druid in the node.

. tests/cluster/real/talk.sh
with_nemeton
load_druid 28.0.0 33.0.0
