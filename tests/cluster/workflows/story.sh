# What a person reads afterwards tells what happened.

druid story | kubectl apply -f - >/dev/null
ready story 120 "a cluster to read about"
change story '{"spec":{"image":"apache/druid:35.0.0"}}'
ready story 400 "upgraded"
expect "the order of the groups" "historicals, middlemanagers, brokers, routers, overlords, coordinators" kubectl describe druid story
expect "describe" "Conditions:.*Ready.*Events:" kubectl describe druid story
expect "the operator's log" "story" kubectl -n nemeton-system logs -l app.kubernetes.io/name=nemeton --tail=-1
expect "a process's log" "broker 35.0.0 at" kubectl logs druid-story-brokers-0
expect "exec is there" "executable file not found|no such file" sh -c "'$kubectl_program' exec druid-story-brokers-0 -- /nothing 2>&1 || true"
change story '{"spec":{"image":"apache/druid:99.0.0"}}'
soon "an image that is not there" 60 "waiting for historicals|historicals" kubectl get druid story
soon "said by name" 60 "ImagePull|cannot be pulled|ErrImage" kubectl describe druid story
change story '{"spec":{"image":"apache/druid:35.0.0"}}'
ready story 200 "taken back"

# The same as events, in order. Which groups one write has changed is a matter of timing.
sleep 2
kubectl get events --field-selector "involvedObject.uid=$(kubectl get druid story -o 'jsonpath={.metadata.uid}')" -o json | jq -r '
    .items | sort_by(.eventTime // .firstTimestamp)[] | select(.reason != "DruidOperatorUpdateSuccess") | "\(.type) \(.reason)"' >"$work/events"
if diff -u "$here/story.golden" "$work/events" >"$work/difference"; then good; else bad "events" "$(cat "$work/difference")"; fi
kubectl delete druid story --timeout=60s >/dev/null || bad "delete story" ""
