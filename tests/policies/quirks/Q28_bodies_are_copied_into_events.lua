-- module: druid.client.answer
local answers = require "base.druid.client.answer"
function answers.excerpt(body)
  return body or ""
end
return answers
