local questions = require "druid.rollout.questions"

local function cluster(timeout)
  return { uid = "questions-test", spec = { druidTimeout = timeout }, groups = {} }
end

local refused = { code = "unavailable", message = "refused" }

return {
  ["spec.druidTimeout says how long a Druid that never answered is waited for"] = function(t)
    t.equal(questions.patience(cluster("90s"), false, refused), 90)
    t.equal(questions.patience(cluster("0s"), false, refused), 0)
    t.equal(questions.patience(cluster(nil), false, refused), questions.unasked_s)
  end,
  ["one that has answered before, or answers that it has no leader, is waited for longer"] = function(t)
    t.equal(questions.patience(cluster("0s"), true, refused), questions.lost_s)
    t.equal(questions.patience(cluster("0s"), false, { status = 503 }), questions.lost_s)
  end,
  ["silence is counted from its beginning, and ends with an answer"] = function(t)
    local druid = cluster("60s")
    t.equal(questions.is_silent(druid, refused, false, 100), false)
    t.equal(questions.is_silent(druid, refused, false, 159), false)
    t.equal(questions.is_silent(druid, refused, false, 160), true)
    t.equal(questions.is_silent(druid, nil, false, 161), false)
    t.equal(questions.is_silent(druid, refused, false, 162), false)
    t.equal(questions.is_silent(druid, refused, false, 162 + questions.lost_s), true)
    t.equal(questions.is_silent(druid, refused, false, 163 + 2 * questions.lost_s), false,
      "that of a former update, about which nobody asked since, says nothing")
  end,
  ["a Druid that answers in between is not silent, though its answer is no"] = function(t)
    local cluster_of, pod = cluster("60s"), { uid = "p1", name = "brokers-0" }
    cluster_of.uid, cluster_of.namespace, cluster_of.name = "questions-between", "ns", "demo"
    local druid = { cluster = cluster_of, kube = { list = function() return {} end } }   -- of whose pods none is known
    questions.is_silent(cluster_of, refused, false, clock.now() - 100)
    local asked = questions.new(druid, cluster_of, { type = "broker" }, {})
    local good = asked.options({ pods = { pod }, records = {} }, {}).after(pod, {})
    t.equal({ good, asked.note }, { false })
    t.equal(questions.is_silent(cluster_of, refused, false, clock.now()), false)
  end,
}
