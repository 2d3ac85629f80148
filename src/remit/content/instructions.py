"""Signs that data speak to the model that reads them: injection, in the words it needs.

These are signals. An attacker who knows them writes around them, and a text about
attacks contains them; policy decides what a signal is worth where it was found.
"""

from __future__ import annotations

from remit.content.finding import Kind
from remit.content.pattern import Pattern


def _sign(
    type_: str, confidence: float, regex: str, *, cue: str = "", context: str = "", then: str = ""
) -> Pattern:
    return Pattern(
        type_,
        f"(?i){regex}",
        Kind.INJECTION,
        cue=cue and f"(?i){cue}",
        confidence=confidence,
        context=context,
        then=then,
        edges=b"",
    )


_IGNORE = (
    r"(?:ignor(?:e|ing)|disregard(?:ing)?|forget(?:ting)?|overrid(?:e|ing)|bypass(?:ing)?|neglect|"
    r"skip|dismiss|discard|abandon|violate|set aside|pay no attention to|do not (?:follow|obey)|"
    r"don't (?:follow|obey)|stop following)"
)
_ALL = (
    r"(?:all|any|every|each|everything|of|the|your|my|our|these|those|this|that|above|prior|"
    r"previous(?:ly)?|earlier|preceding|foregoing|past|existing|initial|original|current|system|"
    r"safety|given|other|developer|former|old)\s{1,3}"
)
_RULES = (
    r"(?:instructions?|prompts?|rules?|directives?|guidelines?|commands?|orders?|directions?|"
    r"restrictions?|constraints?|context|programming|training|polic(?:y|ies)|guardrails?|"
    r"safeguards?|messages?|filters?)\b"
)
_LIMITS = (
    r"(?:safety (?:measures|guidelines|protocols?|training|filters?|rules|checks?|restrictions)|"
    r"restrictions|guidelines|directives|safeguards|guardrails|(?:content|ethical) (?:filters?|"
    r"policy|policies|guidelines)|(?:prior|previous|earlier|above) (?:text|conversation|content))"
)
_FREE = (
    r"\b(?:DAN|jailbro?ken?|(?:developer|god|root|sudo|debug|maintenance|opposite|"
    r"admin(?:istrator)?) mode|un(?:restricted|filtered|censored)|no restrictions|"
    r"without (?:any )?(?:restriction|filter|limitation|rules|ethic)|evil|an? (?:hacker|attacker))"
)
_PROMPT = (
    r"\b(?:system (?:prompt|messages?|instructions?)|(?:your|initial|original|hidden|secret|"
    r"internal|developer|first|prior|previous|complete|full|exact) (?:system )?(?:prompts?|"
    r"instructions?|directives?|guidelines|rules)|your (?:system |hidden |operational |"
    r"initialization |foundational |safety |behavioral )(?:configuration|parameters|text|training|"
    r"constraints|settings|message)|(?:text|words|everything|prompt) above)\b"
)
_SENSITIVE = (
    r"(?:/etc/(?:passwd|shadow)|\.ssh/|id_rsa|\.env\b|\.aws/credentials|environment variables|"
    r"\b(?:api keys?|passwords|(?:your|their|my|the user's|admin|root) password|credentials|"
    r"secrets|access tokens?|private keys?|(?:conversation|chat) history)\b)"
)
_SEND = (
    r"\b(?:send|post|forward|upload|email|e-mail|transmit|exfiltrate|submit|leak|append|attach|"
    r"embed|prepend|include|encode)\b"
)
_READER = (
    r"(?:ai|llm|language models?|assistants?|chatbots?|agents?|ai (?:agents?|assistants?|models?|"
    r"systems?))\b"
)

_OVERRIDE = (
    _sign(
        "instruction_override",
        0.9,
        rf"\b{_IGNORE}\s{{1,3}}(?:{_ALL}){{1,6}}{_RULES}",
        cue=rf"\b{_IGNORE}\s+{_ALL}",
    ),
    _sign(
        "instruction_override",
        0.7,
        rf"\b{_IGNORE}\s{{1,3}}(?:{_ALL}){{0,4}}(?:{_LIMITS})\b",
        cue=_LIMITS,
    ),
    _sign(
        "instruction_override",
        0.85,
        r"\b(?:ignore|disregard|forget)\s{1,3}(?:everything|all|anything|what)\b",
        then=r"\b(?:above|before|previous(?:ly)?|prior|earlier|told|said|instructed|know|learned)\b",
    ),
    _sign(
        "instruction_override",
        0.7,
        r"(?:\b(?:new|updated|revised|real|actual|true|priority|override|important|urgent|secret|"
        r"hidden|additional) (?:system |priority |admin |developer )?"
        r"(?:instruction|directive|prompt|objective)s?\s{0,2}:|"
        r"\b(?:system|admin|developer|security|policy|safety|instruction) override\b|"
        r"\boverride:? (?:mode|protocol|you are)|"
        r"\boverride (?:all |any |your |the )?(?:safety|security|content|previous|system)\b)",
        cue=r"(?:instruction|directive|prompt|objective)s?\s*:|\boverride\b",
    ),
    _sign(
        "instruction_override",
        0.85,
        r"\b(?:ignorez|oubliez|ne tenez pas compte|ignora|olvida|ignore|descarta|ignoriere|vergiss|"
        r"missachte|esqueca|desconsidere|dimentica|negeer|vergeet|zignoruj|ignoruj)\b",
        then=r"(?:consignes|regles|instructions precedentes|instrucciones|indicaciones|reglas|"
        r"anweisungen|befehle|regeln|instruktionen|vorgaben|instrucoes|regras|orientacoes|"
        r"istruzioni|regole|instructies|instrukcje|polecenia)\b",
    ),
    _sign(
        "instruction_override",
        0.85,
        "(?:忽略|无视|無視し?|忘记|忘記|不要理会)",
        then="(?:指令|指示|提示|规则|規則|命令|。)",
    ),
    _sign(
        "instruction_override",
        0.85,
        "(?:指示|命令|プロンプト|지시|명령|지침)[^.\n]{0,24}(?:無視|忘れ|무시|잊)",
        cue="無視|忘れ|무시|잊",
    ),
    _sign(
        "instruction_override",
        0.85,
        "(?:игнорируй|Игнорируй|забудь|Забудь)",
        then="(?:инструкци|указани|правила|команды)",
    ),
)

_ROLE = (
    _sign(
        "persona_override",
        0.9,
        r"\b(?:you are now|you're now|from now on|you will (?:now )?(?:act|be|behave)|act as|"
        r"pretend (?:to be|you are|that you)|roleplay as|simulate|behave as|respond as|enter|"
        r"enable|switch to|activate|you have entered)\b",
        then=_FREE,
        cue=_FREE,
    ),
    _sign(
        "persona_override",
        0.75,
        r"\b(?:do anything now|jailbreak(?:ed)? (?:mode|prompt|yourself)|stay in character as|"
        r"you (?:are|have been) (?:freed|liberated) from|(?:no longer|(?:are|is) not) bound by|"
        r"you (?:now )?have (?:no restrictions|(?:full )?(?:admin(?:istrator)?|root|elevated) "
        r"(?:access|privileges?|permissions?))|(?:without|ignoring) (?:any )?(?:ethical|moral) "
        r"(?:guidelines|considerations|constraints|concerns|restrictions)|"
        r"broken free of the typical confines)\b",
    ),
    _sign(
        "prompt_extraction",
        0.75,
        r"\b(?:reveal|print|show|repeat|output|display|tell me|give me|write (?:out|down)|disclose|"
        r"leak|share?|expose|recite|dump|return|what (?:is|are|was|were)|summari[sz]e|translate|"
        r"spell|copy|provide|list)(?:ing|s)?\b",
        then=_PROMPT,
        cue=_PROMPT,
    ),
    _sign(
        "role_marker",
        0.9,
        r"<\|(?:im_(?:start|end|sep)|(?:start|end)_header_id|eot_id|begin_of_text|end_of_text|"
        r"system|user|assistant|endoftext|endofprompt|channel|message|return)\|?>|\[/?INST\]|"
        r"<</?SYS>>|<(?:start|end)_of_turn>|\[/?SYSTEM(?:_PROMPT)?\]|"
        r"</?system(?:[_-](?:prompt|message|instructions?))?>|"
        r"<<<?\s?(?:system|end of (?:prompt|input))",
        cue=r"<\||\[/?INST|<</?SYS|_of_turn>|\[/?SYSTEM|</?system|<<<",
    ),
    _sign(
        "role_marker",
        0.6,
        r"(?:\A|\n)[ \t]{0,4}(?:#{1,4} ?(?:system|(?:new )?instructions?)\b(?: prompt| message)?:?"
        r"[ \n]|(?:system|assistant|developer)(?: (?:note|prompt|message|instruction|override|"
        r"update|notice|alert|administrator notice))?\s?:|"
        r"(?:human|user):[^\n]{0,200}\n[ \t]{0,4}(?:assistant|ai):|"
        r"-{3,9}\s?(?:end|begin) (?:of )?(?:system|prompt|user|input|instructions))",
        cue=r"(?:\A|\n)[ \t]*(?:#+ ?(?:system|(?:new )?instructions?)\b|"
        r"(?:system|assistant|developer|human|user)\b|-{3,}\s?(?:end|begin) )",
    ),
    _sign("role_marker", 0.7, r"[\"']role[\"']\s{0,2}:\s{0,2}[\"'](?:system|developer)[\"']"),
)

_TOOLS = (
    _sign(
        "tool_call_forgery",
        0.75,
        r"</?(?:antml:)?(?:function_calls?|tool_calls?|tool_use|invoke|function_results?|"
        r"tool_results?|tool_response)(?: name=[\"'][^\"'\n]{0,60}[\"'])?>|"
        r"<\|(?:tool_calls?(?:_begin|_end)?|python_tag|recipient|call|plugin|action_start)\|>|"
        r"\[(?:TOOL_CALLS|AVAILABLE_TOOLS|TOOL_RESULTS)\]|"
        r"[\"'](?:tool_calls|function_call|tool_use)[\"']\s{0,2}:\s{0,2}[\[{]|"
        r"[\"']type[\"']\s{0,2}:\s{0,2}[\"']tool_(?:use|result|call)[\"']|"
        r"[\"']name[\"']\s{0,2}:\s{0,2}[\"'][^\"'\n]{1,60}[\"']\s{0,2},\s{0,3}"
        r"[\"'](?:arguments|parameters)[\"']\s{0,2}:\s{0,2}\{",
        cue=r"</?(?:antml:)?(?:function_|tool_|invoke)|<\|(?:tool_|python_tag|recipient|call|plugin|"
        r"action_start)|\[(?:TOOL_|AVAILABLE_TOOLS)|"
        r"[\"'](?:tool_calls|function_call|tool_use|tool_result|tool_call|arguments|parameters)[\"']",
    ),
    _sign(
        "tool_call_forgery",
        0.8,
        r"(?:\A|\n)[ \t]{0,4}action:[^\n]{1,80}\n[ \t]{0,4}action input:",
        cue=r"action input:",
    ),
    _sign(
        "tool_call_forgery",
        0.6,
        r"\b(?:you must|please|silently|secretly|first|must now|immediately)\b"
        r"(?: \w{1,12}){0,3} (?:call|invoke|use|run|execute)\b",
        then=r"\b(?:tool|function|run_command|bash|shell|fetch|send_email|command|curl|wget)\b",
        cue=r"\b(?:you must|please|silently|secretly|first|must now|immediately)(?: \w+)* "
        r"(?:call|invoke|use|run|execute)\b",
    ),
)

_LEAKS = (
    _sign(
        "exfiltration",
        0.6,
        _SENSITIVE,
        context=_SEND + r"|\b(?:read|fetch|retrieve|collect|get|obtain|extract|cat|dump)\b",
        then=r"\b(?:to|in|into|via|with|and|as|using|before)\b",
        cue=_SENSITIVE,
    ),
    _sign(
        "exfiltration",
        0.8,
        r"!\[[^\]\n]{0,120}\]\(\s?https?://[^)\s]{1,200}[?&=/](?:[^)\s]{0,60}(?:\{|%7B|\$|<|\[)|"
        r"(?:[a-z_]{1,24}=)?(?-i:[A-Z_]{6,60})\)|"
        r"(?:data|q|d|payload|exfil|leak|secret|token|session|info|content|text|msg)=)[^)\s]{0,200}\)?",
        cue=r"\]\(\s?https?://",
    ),
    _sign(
        "exfiltration",
        0.6,
        _SEND + r"[^.\n]{0,40}\b(?:contents?|conversation|results?|output|data|it|them|history|"
        r"summary|everything|all|files?|information|response|messages?)\b",
        then=r"\b(?:to|at) (?:https?://|[a-z0-9._%+-]{1,64}@[a-z0-9]|the attacker|"
        r"the following (?:url|address|endpoint|server))",
        cue=r"\b(?:to|at) (?:https?://|[a-z0-9._%+-]+@|the (?:attacker|following))",
    ),
    _sign(
        "exfiltration",
        0.6,
        r"\b(?:curl|wget|iwr|invoke-webrequest)\b[^\n|]{0,120}(?:\$\([^)\n]{1,80}\)|"
        r"@/(?:etc|home|root)/|\| ?(?:sudo )?(?:ba|z|da|k)?sh\b)",
        cue=r"\b(?:curl|wget|iwr|invoke-webrequest)\b",
    ),
)

_CONCEALED = (
    _sign(
        "concealment",
        0.7,
        r"\b(?:do not|don't|never|without|must not|should not|avoid) (?:\w{1,12} )?(?:tell|inform|"
        r"mention|notify|alert|reveal|disclos|show|let)[a-z]{0,3}\b",
        then=r"\b(?:users?|human|anyone|operator|owner)\b",
    ),
    _sign(
        "concealment",
        0.75,
        r"(?:<!--|(?:display:\s?none|font-size:\s?0|visibility:\s?hidden|color:\s?white)[^<>]{0,40}>)",
        then=r"\b(?:ignore|disregard|instructions?|system prompt|assistant|you must|ai agent)\b",
        cue=r"<!--|display:\s?none|font-size:\s?0|visibility:\s?hidden|color:\s?white",
    ),
    _sign(
        "concealment",
        0.7,
        r"<(?:important|secret|hidden|admin|critical|urgent|priority)>|"
        r"\b(?:before|prior to) (?:using|calling|invoking|running|executing) (?:this|any|the) "
        r"(?:tool|function)s?\b,? (?:you must|first|always|read|fetch|access|call)|"
        r"\b(?:note|message|instruction|attention|directive)s? (?:to|for) (?:the |all |any )?"
        + _READER,
    ),
)

PATTERNS = (*_OVERRIDE, *_ROLE, *_TOOLS, *_LEAKS, *_CONCEALED)
