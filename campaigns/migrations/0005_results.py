import django.core.validators
import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('campaigns', '0004_messages'),
    ]

    operations = [
        migrations.AddField(
            model_name='run',
            name='guarded_from',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.CreateModel(
            name='Result',
            fields=[
                ('run', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='result', serialize=False, to='campaigns.run')),
                ('as_of', models.DateTimeField()),
                ('seconds', models.FloatField()),
                ('counts_until', models.DateTimeField(blank=True, null=True)),
                ('arms', models.JSONField(blank=True, null=True)),
                ('amounts', models.JSONField(blank=True, db_default={}, default=dict)),
            ],
        ),
        migrations.CreateModel(
            name='Counting',
            fields=[
                ('run', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='counting', serialize=False, to='campaigns.run')),
                ('segments', models.JSONField(blank=True, null=True)),
                ('begun_at', models.DateTimeField(blank=True, null=True)),
                ('part', models.PositiveIntegerField(blank=True, null=True)),
                ('after', models.BigIntegerField(blank=True, null=True)),
                ('domains', models.JSONField(blank=True, db_default=[], default=list)),
                ('sums', models.JSONField(blank=True, db_default={}, default=dict)),
                ('seconds', models.FloatField(db_default=0, default=0)),
            ],
        ),
        migrations.CreateModel(
            name='Placement',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('segments', models.BigIntegerField()),
                ('customer', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='campaigns.customer')),
                ('run', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='campaigns.run')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('run', 'customer'), name='placed_once')],
            },
        ),
        migrations.CreateModel(
            name='LinkTally',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('part', models.PositiveIntegerField(db_default=0)),
                ('step', models.CharField(max_length=63)),
                ('variant', models.CharField(max_length=63)),
                ('template_hash', models.CharField(max_length=64)),
                ('link', models.PositiveSmallIntegerField()),
                ('clicks', models.IntegerField()),
                ('messages', models.IntegerField()),
                ('clicks_by_machine', models.IntegerField()),
                ('run', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='link_tallies', to='campaigns.run')),
            ],
            options={
                'verbose_name_plural': 'link tallies',
                'indexes': [models.Index(fields=['run', 'part'], name='link_tally_of_run')],
            },
        ),
        migrations.CreateModel(
            name='SegmentTally',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('part', models.PositiveIntegerField(db_default=0)),
                ('state', models.CharField(max_length=9)),
                ('currency', models.CharField(db_default='', max_length=3)),
                ('messages', models.IntegerField()),
                ('opened', models.IntegerField()),
                ('opened_by_machine', models.IntegerField()),
                ('clicked', models.IntegerField()),
                ('clicked_by_machine', models.IntegerField()),
                ('unsubscribed', models.IntegerField()),
                ('complained', models.IntegerField()),
                ('converted', models.IntegerField()),
                ('amounts', models.IntegerField(db_default=0)),
                ('revenue', models.DecimalField(decimal_places=4, max_digits=18)),
                ('segment', models.CharField(max_length=63)),
                ('run', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='segment_tallies', to='campaigns.run')),
            ],
            options={
                'verbose_name_plural': 'segment tallies',
                'indexes': [models.Index(fields=['run', 'part'], name='segment_tally_of_run')],
            },
        ),
        migrations.CreateModel(
            name='Tally',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('part', models.PositiveIntegerField(db_default=0)),
                ('state', models.CharField(max_length=9)),
                ('currency', models.CharField(db_default='', max_length=3)),
                ('messages', models.IntegerField()),
                ('opened', models.IntegerField()),
                ('opened_by_machine', models.IntegerField()),
                ('clicked', models.IntegerField()),
                ('clicked_by_machine', models.IntegerField()),
                ('unsubscribed', models.IntegerField()),
                ('complained', models.IntegerField()),
                ('converted', models.IntegerField()),
                ('amounts', models.IntegerField(db_default=0)),
                ('revenue', models.DecimalField(decimal_places=4, max_digits=18)),
                ('step', models.CharField(max_length=63)),
                ('wave', models.PositiveSmallIntegerField(db_default=0)),
                ('variant', models.CharField(max_length=63)),
                ('channel', models.CharField(max_length=10)),
                ('provider', models.CharField(max_length=40)),
                ('domain', models.CharField(max_length=253)),
                ('hour', models.DateTimeField()),
                ('run', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='tallies', to='campaigns.run')),
            ],
            options={
                'verbose_name_plural': 'tallies',
                'indexes': [models.Index(fields=['run', 'part'], name='tally_of_run'), models.Index(condition=models.Q(('state', 'unknown')), fields=['run'], name='tally_unknown')],
            },
        ),
        migrations.CreateModel(
            name='Attachment',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('digest', models.CharField(max_length=64, unique=True)),
                ('name', models.CharField(max_length=100)),
                ('type', models.CharField(max_length=8)),
                ('bytes', models.PositiveIntegerField()),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
            ],
        ),
        migrations.CreateModel(
            name='Reached',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('url', models.CharField(max_length=2000, unique=True)),
                ('is_known', models.BooleanField()),
                ('problem', models.CharField(blank=True, db_default='', max_length=200)),
                ('bytes', models.BigIntegerField(blank=True, null=True)),
                ('looked_at', models.DateTimeField()),
            ],
        ),
        migrations.AddField(
            model_name='template',
            name='attachments',
            field=models.JSONField(blank=True, db_default=[], default=list),
        ),
        migrations.CreateModel(
            name='ProductPast',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('until', models.DateTimeField()),
                ('name', models.CharField(max_length=300)),
                ('url', models.CharField(blank=True, db_default='', max_length=2000)),
                ('image_url', models.CharField(blank=True, db_default='', max_length=2000)),
                ('price', models.DecimalField(blank=True, decimal_places=4, max_digits=14, null=True)),
                ('currency', models.CharField(blank=True, db_default='', max_length=3)),
                ('category', models.CharField(blank=True, db_default='', max_length=100)),
                ('availability', models.CharField(db_default='in_stock', max_length=12)),
                ('product', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='campaigns.product')),
            ],
            options={
                'indexes': [models.Index(fields=['product', 'until'], name='product_past'), models.Index(fields=['until'], name='product_past_until')],
            },
        ),
        migrations.AddField(
            model_name='run',
            name='throttle',
            field=models.PositiveIntegerField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='brand',
            name='currency',
            field=models.CharField(blank=True, db_default='', default='', max_length=3, validators=[django.core.validators.RegexValidator('\\A[A-Z]{3}\\Z', 'Use three capital letters, such as EUR.')]),
        ),
    ]
