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
}
