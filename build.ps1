#Requires -Version 7.4
<#
.SYNOPSIS
    Builds, tests, documents, and packages the module, with one task for each.
.EXAMPLE
    ./build.ps1
    Builds the module into out/ComfyDeploy.
.EXAMPLE
    ./build.ps1 -Task Test
    Runs dotnet test, then the Pester suite in a separate process.
.EXAMPLE
    ./build.ps1 -Task Help -Check
    Regenerates the help, and fails if it was not up to date.
#>
[CmdletBinding()]
param(
    [ValidateSet('Build', 'Test', 'Help', 'Package')]
    [string] $Task = 'Build',

    [ValidateSet('Debug', 'Release')]
    [string] $Configuration = 'Release',

    # With -Task Help: fail if a file in en-US changes.
    [switch] $Check
)

$ErrorActionPreference = 'Stop'
$module = Join-Path $PSScriptRoot 'out/ComfyDeploy'
$help = Join-Path $PSScriptRoot 'en-US'

function Invoke-Native([scriptblock] $Command) {
    & $Command
    if ($LASTEXITCODE -ne 0) { throw "Failed with exit code ${LASTEXITCODE}:$Command" }
}

# Does not install anything; reports which module is missing.
function Assert-Module([string] $Name, [version] $Version) {
    if (Get-Module $Name -ListAvailable | Where-Object Version -ge $Version) { return }
    throw "$Name $Version or newer is not installed. Get it with: Install-PSResource $Name -Version '[$Version,)'"
}

# An imported DLL stays locked until its process ends, so the module is imported only in a child process.
function Invoke-Child([scriptblock] $Script, [object[]] $Arguments) {
    Invoke-Native { pwsh -NoProfile -NonInteractive -Command $Script -args $Arguments }
}

function Build {
    Invoke-Native { dotnet build (Join-Path $PSScriptRoot 'src/ComfyDeploy') --configuration $Configuration --nologo --verbosity quiet }
    $null = Test-ModuleManifest (Join-Path $module 'ComfyDeploy.psd1')
}

function Test {
    Assert-Module Pester 5.0
    Invoke-Native { dotnet test $PSScriptRoot --configuration $Configuration --nologo --blame-hang-timeout 120s }
    $suite = Get-ChildItem (Join-Path $PSScriptRoot 'tests/*.Tests.ps1')
    if (-not $suite) { Write-Warning 'There is no Pester suite in tests/.'; return }
    Invoke-Child -Arguments (, $suite.FullName) -Script {
        param($Path)
        Import-Module Pester -MinimumVersion 5.0
        Invoke-Pester -Configuration @{ Run = @{ Path = $Path; Exit = $true }; Output = @{ Verbosity = 'Normal' } }
    }
}

function Help {
    Assert-Module Microsoft.PowerShell.PlatyPS 1.0
    Build
    # Without its help, the module has no descriptions that would be merged into those of the pages.
    Remove-Item (Join-Path $module 'en-US') -Recurse -ErrorAction Ignore
    $maml = Join-Path ([IO.Path]::GetTempPath()) "ComfyDeploy-$PID"
    Invoke-Child -Arguments $module, $help, $maml -Script {
        param($Module, $Help, $Maml)
        $ErrorActionPreference = 'Stop'
        Import-Module Microsoft.PowerShell.PlatyPS, (Join-Path $Module 'ComfyDeploy.psd1')
        $pages = Join-Path $Help '*.md' | Get-ChildItem | Sort-Object Name
        foreach ($page in $pages) {
            $date = [regex]::Match((Get-Content $page -Raw), '(?m)^ms\.date:.*$').Value
            $null = Update-MarkdownCommandHelp $page.FullName -NoBackup
            # PlatyPS writes a byte order mark and today's date: neither is a change.
            $text = (Get-Content $page -Raw).Replace("`r`n", "`n") -replace '(?m)^ms\.date:.*$', $date -replace '\n{3,}', "`n`n"
            Set-Content $page ($text.TrimEnd() + "`n") -NoNewline -Encoding utf8NoBOM
        }
        $null = Import-MarkdownCommandHelp $pages.FullName | Export-MamlCommandHelp -OutputFolder $Maml
    }
    # Fences mean nothing in a console. PlatyPS writes U+0080 for an empty line: an example becomes one paragraph, with empty lines in it.
    $xml = Get-Content (Join-Path $maml 'ComfyDeploy/ComfyDeploy.dll-Help.xml') -Raw
    $xml = $xml.Replace("`r`n", "`n") -replace '```\w*\n' -replace '\n```(?=</maml:para>)'
    $xml = $xml -replace '</maml:para>\s*<maml:para>&#x80;</maml:para>\s*<maml:para>', "`n`n" -replace '\s*<maml:para>&#x80;</maml:para>'
    Set-Content (Join-Path $help 'ComfyDeploy.dll-Help.xml') ($xml.TrimEnd() + "`n") -NoNewline -Encoding utf8NoBOM
    Remove-Item $maml -Recurse
    Select-String '{{' (Join-Path $help '*.md') -SimpleMatch | ForEach-Object { Write-Warning "To fill in: $_" }
    Build
    if ($Check) { Invoke-Native { git -C $PSScriptRoot diff --exit-code -- en-US } }
}

function Package {
    Build
    $manifest = Test-ModuleManifest (Join-Path $module 'ComfyDeploy.psd1')
    $packages = Join-Path $PSScriptRoot 'out/package'
    Remove-Item $packages -Recurse -ErrorAction Ignore
    # ComfyDeploy/<version> is how a folder of PSModulePath holds it, and how the zip unpacks there.
    $folder = New-Item (Join-Path $packages "ComfyDeploy/$($manifest.Version)") -ItemType Directory
    Copy-Item (Join-Path $module '*') $folder -Recurse
    $null = Test-ModuleManifest (Join-Path $folder 'ComfyDeploy.psd1')
    Compress-Archive (Join-Path $packages 'ComfyDeploy') (Join-Path $packages "ComfyDeploy.$($manifest.Version).zip")
    Get-ChildItem $packages -File
}

& $Task
