"""What the exam's values stand in: wordings in English and Chinese, written as people write."""

# "{}" is the place of the value. First, for values that can be told by themselves.
PLAIN = {
    "email": (
        "Please write to {} before Friday.", "Her new address is {}, the old one bounces.", "<{}> wrote:",
        "From: {}\nSubject: minutes", "Questions? {}.", "cc {}; bcc nobody",
        "The file was last edited by {} yesterday", "[Reply]({}) when you can", "Kontakt: {}",
        "有问题请写信到{}，谢谢。", "他的邮箱是{}。", "邮件已发送至 {} ，请查收", "联系人：王女士（{}）",
        "把简历投到{}就行"),
    "phone": (
        "We moved; {} works again from Monday.", "The clinic on Elm Street ({}) opens at nine.",
        "Front desk {}, ask for Ben.", "Leave a message: {}", "Anna Schmidt\nHauptstr. 5\n{}", "Bookings via {} only.",
        "It says {} on the van.", "前台{}，周一到周五。", "王师傅：{}", "有事找我，{}。", "店里的是{}，晚上没人接。"),
    "ip": (
        "Requests from {} were dropped.", "The server answers at {}.", "ssh into {} and look",
        "{} - - [10/Oct/2023:13:55:36]", "blocked {} after ten failed logins", "traceroute shows {} as the last hop",
        "A record: {}", "攻击来自{}。", "登录地址为 {} ，时间是昨晚", "服务器{}已重启"),
    "card": (
        "They took it from {} twice.", "Use {} 09/28 for the deposit.", "The number on the receipt was {}.",
        "I typed {} by mistake.", "Refund to {} is on its way", "刷的是{}，有效期到明年。", "请扣{}这张。",
        "{} 已被冻结"),
    "iban": (
        "Transfer the rent to {} by the third.", "IBAN: {}", "Our account ({}) has moved.",
        "Bitte überweisen Sie auf {}.", "Beneficiary: Costa Ltda, {}", "{} is where the refund went.",
        "请汇款至 {} 。", "账户{}已开通"),
    "national_id": (
        "The form shows {} in box four.", "Born in Lyon, {}, no criminal record.", "{} belongs to someone else.",
        "Employee file: {}", "Signed, K. Novak ({})", "表格上写的是{}。", "经核实，{}与本人一致。", "证件：{}",
        "张三，{}，男"),
    "credentials": (
        "git clone https://{}@git.acme.io/team/app.git", "DATABASE_URL=postgres://{}@db.acme.io:5432/prod",
        "redis://{}@cache.acme.io:6379/0 is the one", "Open ftp://{}@files.acme.io/in/ and upload",
        "mongodb+srv://{}@c0.acme.io/", "数据库地址是 mysql://{}@10.0.0.5:3306/shop",
        "用 https://{}@repo.acme.cn/ 拉取"),
    "key": (
        "export TOKEN={}", "The key {} was revoked.", "client = Client(\"{}\")", "I pasted {} into the chat, sorry",
        "{}", "curl -H 'X-Auth: {}' https://api.acme.io/", "配置里写的是 {} ，请更换", "密钥：{}"),
    "name": (
        "{} signed the lease.", "We met {}, of course.", "Dear {},", "a letter to {} from 1998", "昨天{}来过。",
        "收件人：{}", "{}先生请到前台"),
}  # fmt: skip

# For values that only the words around them can tell: by type, and for national ids by what the number is.
TOLD = {
    "phone": (
        "Call me on {} after six.", "Phone: {}", "Tel. {}", "Her mobile is {}.", "Fax {} (sales)",
        "You can reach us at {} any time.", "text me at {} when you land", "WhatsApp {}", "To dial in, use {}.",
        "Contact number {}", "电话{}", "手机号是{}，随时打。", "请拨打 {} 咨询", "联系方式：{}", "传真：{}",
        "微信同号{}"),
    "card": (
        "Charge my card {} please.", "Visa {}, expires 04/27", "Credit card number: {}", "Paid with {} (debit card).",
        "card no. {} CVV 123", "银行卡号{}", "信用卡：{}，有效期05/28", "我的卡是{}"),
    "key": (
        "api_key = \"{}\"", "API_KEY={}", "secret_key: '{}'", "\"access_token\": \"{}\"", "Authorization: Bearer {}",
        "client_secret={}", "My API key is {}", "export AUTH_TOKEN={}", "password = \"{}\"", "密钥：{}", "token = {}"),
    "us.ssn": ("His social security number is {}.", "SSN: {}", "Social Security No. {}"),
    "gb.nhs": ("NHS number {}", "The patient, {}, was seen on Monday."),
    "de.idnr": ("Steuer-ID: {}", "Ihre Identifikationsnummer lautet {}.", "Her German tax ID is {}."),
    "es.dni": ("DNI {}", "con DNI número {}", "NIF: {}"),
    "br.cpf": ("CPF {}", "portador do CPF nº {}"),
    "ca.sin": ("SIN: {}", "Her social insurance number is {}."),
    "in_.aadhaar": ("Aadhaar {}", "linked to Aadhaar no. {}"),
}  # fmt: skip
