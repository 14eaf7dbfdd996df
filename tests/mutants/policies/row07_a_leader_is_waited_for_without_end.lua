-- module: druid.rollout.questions
-- caught by: case stepper_test: a corrected spec goes through a set that nobody leads, though pods of the bad one are ready
-- Nothing goes while nobody leads, not even what would help.
local questions = require "base.druid.rollout.questions"
local new = questions.new
function questions.new(druid, cluster, entry)
  local asked = new(druid, cluster, entry)
  local options = asked.options
  function asked.options(set, limits)
    local patience = questions.leaderless_s
    questions.leaderless_s = math.huge
    local made = options(set, limits)
    local before = made.before
    function made.before(row)
      questions.leaderless_s = math.huge
      local good, words = before(row)
      questions.leaderless_s = patience
      return good, words
    end
    questions.leaderless_s = patience
    return made
  end
  return asked
end
return questions
